// A screen whose draft or item is not there yet, or cannot be opened.

import { Notice } from '../../look/Notice'
import { Screen } from '../../look/Screen'
import { say } from '../../words/words'

interface Props {
  title: string
  back: string
  problem: string | null
}

export function Opening({ title, back, problem }: Props) {
  return (
    <Screen title={title} back={back}>
      {problem ? (
        <Notice tone="bad" live="alert">
          <p>{problem}</p>
        </Notice>
      ) : (
        <p class="soft" role="status">
          {say('common.opening')}
        </p>
      )}
    </Screen>
  )
}
