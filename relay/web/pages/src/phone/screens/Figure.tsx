// One figure in three boxes, as on the paper. An empty input is a blank box; zero is typed.

import { useSignal } from '@preact/signals'

interface Props {
  label: string
  value: number | null
  /** A rule that the figure takes part in is broken. */
  doubtful: boolean
  describedBy?: string | undefined
  onChange: (value: number | null) => void
}

const BOXES = 3

export function Figure({ label, value, doubtful, describedBy, onChange }: Props) {
  // While one types, what was typed is shown: `07` is not yet `007`.
  const typed = useSignal<string | null>(null)
  const shown = typed.value ?? (value === null ? '' : String(value).padStart(BOXES, '0'))
  const take = (input: HTMLInputElement) => {
    const digits = input.value.replace(/\D/g, '').slice(0, BOXES)
    input.value = digits
    typed.value = digits
    onChange(digits === '' ? null : Number(digits))
    if (digits.length === BOXES) step(input, 1)
  }
  return (
    <span class={doubtful ? 'boxes doubtful' : 'boxes'}>
      <input
        type="text"
        inputMode="numeric"
        autoComplete="off"
        enterKeyHint="next"
        maxLength={BOXES}
        aria-label={label}
        aria-invalid={doubtful}
        aria-describedby={describedBy}
        value={shown}
        onInput={(event) => take(event.currentTarget)}
        onFocus={(event) => event.currentTarget.select()}
        onBlur={() => {
          typed.value = null
        }}
        onKeyDown={(event) => {
          if (event.key === 'Enter') step(event.currentTarget, 1)
          else if (event.key === 'Backspace' && event.currentTarget.value === '') step(event.currentTarget, -1)
          else return
          event.preventDefault()
        }}
      />
    </span>
  )
}

/** Moves to the next or the previous figure of the screen; behind the last, to the button that goes on. */
function step(from: HTMLInputElement, by: 1 | -1): void {
  const inputs = [...document.querySelectorAll<HTMLInputElement>('.boxes input')]
  const to = inputs[inputs.indexOf(from) + by]
  if (to) to.focus()
  else if (by === 1) document.querySelector<HTMLElement>('.actions .main')?.focus()
}
