// The centre says when anything has changed; what is on the screen is then asked for again.
import { signal } from '@preact/signals'
import { askJson } from '../../holder/http'
import { Stream } from '../stream'

/** Grows by one whenever something has changed, or may have while nobody listened. */
export const changes = signal(0)

const stream = new Stream()
export const liveness = stream.liveness

/** Listens to what changes within a scope, until the function that it gives is called. */
export function listen(scope: string): () => void {
  const reached = (): Promise<object> => askJson('/v1/node')
  stream.follow({
    address: () => `/v1/events?scope=${scope}`,
    events: { changed },
    catchUp: async () => {
      await reached()
      changed()
    },
    ask: reached,
    onEnd: () => undefined // results are public: there is no session that could be over
  })
  return () => stream.close()
}

function changed(): void {
  changes.value += 1
}
