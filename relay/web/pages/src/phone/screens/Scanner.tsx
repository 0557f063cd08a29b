// Reads the QR code of a one-time code through the camera, in browsers that can (BarcodeDetector).

import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { Notice } from '../../look/Notice'
import { readCode } from '../../protocol/enrolment'
import { say } from '../../words/words'

/** https://wicg.github.io/shape-detection-api/#barcode-detection-api, as far as it is used here. */
interface Detector {
  detect(source: HTMLVideoElement): Promise<{ rawValue: string }[]>
}

declare global {
  interface Window {
    BarcodeDetector?: new (options: { formats: string[] }) => Detector
  }
}

const LOOK_EVERY_MS = 250

export const canScan = (): boolean => window.BarcodeDetector !== undefined && 'mediaDevices' in navigator

export function Scanner({ onFound }: { onFound: (code: string) => void }) {
  const video = useRef<HTMLVideoElement>(null)
  const failed = useSignal(false)
  const found = useRef(onFound)
  found.current = onFound
  useEffect(() => {
    const stopped = new AbortController()
    watch(video, stopped.signal, (code) => found.current(code)).catch(() => {
      failed.value = !stopped.signal.aborted
    })
    return () => stopped.abort()
  }, [failed])
  if (failed.value) {
    return (
      <Notice tone="wait" live="alert">
        <p>{say('enrol.no-camera')}</p>
      </Notice>
    )
  }
  return <video ref={video} class="scanner" muted playsInline aria-label={say('enrol.scanning')} />
}

async function watch(
  video: { current: HTMLVideoElement | null },
  stopped: AbortSignal,
  onFound: (code: string) => void
): Promise<void> {
  if (!window.BarcodeDetector) return
  const detector = new window.BarcodeDetector({ formats: ['qr_code'] })
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } })
  const release = () => {
    for (const track of stream.getTracks()) track.stop()
  }
  if (stopped.aborted || !video.current) return release()
  stopped.addEventListener('abort', release)
  video.current.srcObject = stream
  await video.current.play()
  while (!stopped.aborted && video.current) {
    const seen = await detector.detect(video.current)
    const code = seen.map(({ rawValue }) => readCode(rawValue)).find((read) => read !== null)
    if (code) return onFound(code)
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
  }
}
