// What this tab finds around it: another tab with the same page, and whether the page will open without a network.

import { signal } from '@preact/signals'

/** Whether another tab of this browser has the page open. Both work; one is enough. */
export const otherTab = signal(false)

/** Whether something went wrong that nobody has dealt with: some button may have done nothing. */
export const accident = signal(false)

export function watchForAccidents(): void {
  const note = () => {
    accident.value = true
  }
  window.addEventListener('error', note)
  window.addEventListener('unhandledrejection', note)
}

/** Null until it is known. */
export const offlineReady = signal<boolean | null>(null)

/** The first tab holds a lock as long as it lives; whoever waits for it is not alone. */
export function watchForOtherTab(): void {
  void navigator.locks.request('phone-page', { ifAvailable: true }, (lock) => {
    if (lock) return new Promise<never>(() => undefined)
    otherTab.value = true
    void navigator.locks.request('phone-page', () => {
      otherTab.value = false
      return new Promise<never>(() => undefined)
    })
    return undefined
  })
}

const WORKER_WAIT_MS = 15_000

/** A certificate that the phone does not trust lets the page open, but no service worker. */
export function watchForWorker(): void {
  const late = setTimeout(() => {
    offlineReady.value = false
  }, WORKER_WAIT_MS)
  navigator.serviceWorker?.ready.then(
    // some browsers have none in private windows
    () => {
      clearTimeout(late)
      offlineReady.value = true
    },
    () => undefined
  )
}
