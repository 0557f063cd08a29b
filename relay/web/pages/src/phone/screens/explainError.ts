// What was thrown, in words; a screen says it and goes on.

import { Problem } from '../../holder/problem'
import { explain } from '../../look/explain'
import { say } from '../../words/words'

export function explainError(error: unknown): string {
  if (error instanceof Problem) return explain(error.code, error.detail)
  return say('common.unexpected', { detail: error instanceof Error ? error.message : String(error) })
}
