// The browser's offer to put the page on the home screen, kept until somebody wants it.

import { signal } from '@preact/signals'

/** https://developer.mozilla.org/docs/Web/API/BeforeInstallPromptEvent: Chromium only. */
interface InstallOffer extends Event {
  prompt(): Promise<unknown>
}

export const install = signal<InstallOffer | null>(null)

export function watchForInstall(): void {
  window.addEventListener('beforeinstallprompt', (event) => {
    event.preventDefault()
    install.value = event as InstallOffer
  })
  window.addEventListener('appinstalled', () => {
    install.value = null
  })
}
