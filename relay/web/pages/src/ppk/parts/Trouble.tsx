// What went wrong, in words for a person, and a way to try again.

import type { Problem } from '../../holder/problem'
import { explain } from '../../look/explain'
import { Notice } from '../../look/Notice'
import { say } from '../../words/words'

export function Trouble({ problem, again }: { problem: Problem; again?: () => void }) {
  return (
    <Notice tone="bad" live="alert" title={explain(problem.code, problem.detail)}>
      {problem.detail && <p class="soft">{problem.detail}</p>}
      {again && (
        <button type="button" onClick={again}>
          {say('ppk.again')}
        </button>
      )}
    </Notice>
  )
}
