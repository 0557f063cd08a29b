// Who looks at this page: an operator who logged in, the relay's own screen, or nobody yet.
import { signal } from '@preact/signals'
import type { Session } from '../../holder'

export const session = signal<Session | null>(null)

/** Whether the one who looks may also do things: an operator, not the relay's own screen. */
export const mayAct = (): boolean => session.value !== null && session.value.role !== 'screen'
