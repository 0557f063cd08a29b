// Officers' phones: a lost one is replaced on the spot; who waits to be enrolled is carried to the kabupaten and back.

import type { NodeView } from '../../holder/relay'
import { Notice } from '../../look/Notice'
import { say } from '../../words/words'
import { Replace } from './Replace'
import { WaitingRequests } from './WaitingRequests'

export function PhonesScreen({ node }: { node: NodeView }) {
  if (node.enrolment === 'at-once') return <Replace />
  return (
    <>
      <Notice tone="wait">{say('phones.no-ca')}</Notice>
      {node.enrolment === 'waits' && <WaitingRequests />}
    </>
  )
}
