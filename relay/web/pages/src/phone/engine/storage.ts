// How much room the browser gives, and whether it promised to keep what is here.
import { type ReadonlySignal, signal } from '@preact/signals'
import type { StorageView } from './types'

export class Storage {
  private readonly shown = signal<StorageView>({ persistent: false, usedBytes: 0, quotaBytes: 0, full: false })

  get view(): ReadonlySignal<StorageView> {
    return this.shown
  }

  /** Asks the browser not to clear this away when it needs room. */
  async persist(): Promise<void> {
    await navigator.storage?.persist?.().catch(() => false)
    await this.measure()
  }

  async measure(): Promise<void> {
    const [persistent, estimate] = await Promise.all([
      navigator.storage?.persisted?.() ?? false,
      navigator.storage?.estimate?.() ?? {}
    ])
    const { usage = 0, quota = 0 } = estimate
    this.shown.value = { ...this.shown.value, persistent, usedBytes: usage, quotaBytes: quota }
  }

  /** Notes that something did not fit, or that it did again. */
  noteFull(full: boolean): void {
    if (this.shown.value.full !== full) this.shown.value = { ...this.shown.value, full }
  }
}
