// What stands in the way of each item, by what was tried: the statement itself, or one of its photographs.
import { NotNow, problemOf, type Trouble, Unreachable } from '../../holder/problem'
import type { Outbox } from './outbox'

export class Troubles {
  private readonly known = new Map<string, Map<string, Trouble>>()

  constructor(private readonly outbox: Outbox) {}

  /**
   * Tries some work on `subject` (statement id or photograph) of an item. Why it failed is shown until it works.
   *
   * Throws only what stops everything: `Unreachable` and `NotNow`.
   */
  async attempt(item: string, subject: string, work: () => Promise<void>): Promise<void> {
    const mine = this.known.get(item) ?? new Map<string, Trouble>()
    this.known.set(item, mine)
    try {
      await work()
      mine.delete(subject)
    } catch (error) {
      if (error instanceof Unreachable || error instanceof NotNow) throw error
      const { code, detail } = problemOf(error)
      mine.set(subject, { code, detail })
    }
    await this.show(item, mine)
  }

  private async show(item: string, mine: Map<string, Trouble>): Promise<void> {
    const [trouble = null] = mine.values()
    await this.outbox.update(item, (record) => {
      const now = record.receipt && trouble?.code !== 'receipt-false' ? null : trouble // with a receipt nothing is left
      return record.trouble?.code === now?.code && record.trouble?.detail === now?.detail
        ? record
        : { ...record, trouble: now }
    })
  }
}
