// Name and one-time code, by which this browser's key is certified for the PPK.
import { useState } from 'preact/hooks'
import type { NodeView } from '../../holder/relay'
import { Notice } from '../../look/Notice'
import { say } from '../../words/words'

const NAME_LENGTH_MAX = 64

interface Props {
  node: NodeView
  busy: boolean
  enrol: (code: string, name: string) => void
}

export function EnrolForm({ node, busy, enrol }: Props) {
  const [code, setCode] = useState('')
  const [name, setName] = useState('')
  if (node.enrolment === 'none') return <Notice tone="wait">{say('login.no-enrolment')}</Notice>
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        enrol(code, name.trim())
      }}
    >
      <label class="stacked">
        <span>{say('login.name')}</span>
        <input
          required
          maxLength={NAME_LENGTH_MAX}
          autocomplete="name"
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
      </label>
      <label class="stacked">
        <span>{say('login.code')}</span>
        <input
          required
          autocomplete="off"
          autocapitalize="characters"
          spellcheck={false}
          placeholder="K7Q2-M4XD-9FTA"
          value={code}
          onInput={(event) => setCode(event.currentTarget.value)}
        />
      </label>
      <button type="submit" class="main" disabled={busy}>
        {say('login.enrol')}
      </button>
    </form>
  )
}
