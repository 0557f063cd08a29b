// The door to tus-js-client: one photograph to the relay, going on where the relay stands.
import type { DetailedError, Upload, UploadOptions } from 'tus-js-client'
import { problemIn } from '../../holder/http'
import { type Problem, Unreachable } from '../../holder/problem'

const PIECE_BYTES = 1024 * 1024
const STALLED_SECONDS = 60

export interface Uploading {
  /** SHA-256 in hex. */
  document: string
  blob: Blob
  onProgress: (sentBytes: number) => void
}

/**
 * Returns when the relay has all of it; its slip is asked for afterwards.
 *
 * Throws `Unreachable` when the connection is cut or nothing moves for a minute, `NotNow` or `Problem` as the relay says.
 */
export async function upload(what: Uploading): Promise<void> {
  const tus = await import('tus-js-client')
  await new Promise<void>((resolve, reject) => {
    let watch: ReturnType<typeof setTimeout>
    const alive = () => {
      clearTimeout(watch)
      watch = setTimeout(() => {
        void running.abort()
        reject(new Unreachable('Nothing has moved for a minute.'))
      }, STALLED_SECONDS * 1000)
    }
    const end = (error?: Problem) => {
      clearTimeout(watch)
      error ? reject(error) : resolve()
    }
    const running: Upload = new tus.Upload(what.blob, {
      ...optionsFor(what),
      onProgress: (sentBytes) => {
        alive()
        what.onProgress(sentBytes)
      },
      onUploadUrlAvailable: alive,
      onSuccess: () => end(),
      onError: (error) => end(problemOfTus(error))
    })
    alive()
    running.start()
  })
}

/**
 * An upload's name is the photograph's own, at every relay: so it is asked for first (HEAD), and created if it is not
 * there. Nothing need be kept in localStorage, and retrying is the sender's matter.
 */
function optionsFor({ document }: Uploading): UploadOptions {
  const endpoint = new URL('/v1/documents', location.origin).href
  return {
    endpoint,
    uploadUrl: `${endpoint}/${document}`,
    metadata: { sha256: document },
    chunkSize: PIECE_BYTES,
    retryDelays: null,
    storeFingerprintForResuming: false,
    removeFingerprintOnSuccess: false
  }
}

function problemOfTus(error: Error | DetailedError): Problem {
  const answer = 'originalResponse' in error ? error.originalResponse : null
  if (!answer || answer.getStatus() === 0) return new Unreachable(error.message)
  return problemIn(answer.getStatus(), answer.getBody() ?? '', answer.getHeader('Retry-After') ?? null)
}
