// A small picture of a page. Drawn small on purpose: nine photographs at full size do not fit a cheap phone's memory.

import { useSignal } from '@preact/signals'
import { useEffect, useRef } from 'preact/hooks'
import { say } from '../../words/words'
import { drawSmall } from '../engine/shrinking'
import { useEngine } from './context'
import { Enlarged } from './Enlarged'

const WIDTH = 240

type Shown = 'drawing' | 'drawn' | 'cannot'

export function Thumbnail({ document: digest, label }: { document: string; label: string }) {
  const engine = useEngine()
  const canvas = useRef<HTMLCanvasElement>(null)
  const shown = useSignal<Shown>('drawing')
  const large = useSignal(false)
  useEffect(() => {
    let here = true
    draw(engine.photograph(digest), canvas).then(
      (drawn) => {
        if (here) shown.value = drawn ? 'drawn' : 'cannot'
      },
      () => {
        if (here) shown.value = 'cannot'
      }
    )
    return () => {
      here = false
    }
  }, [engine, digest, shown])
  return (
    <>
      <button
        type="button"
        class="thumbnail"
        aria-label={say('photo.enlarge', { page: label })}
        onClick={() => (large.value = true)}
      >
        <canvas ref={canvas} hidden={shown.value !== 'drawn'} />
        {shown.value === 'cannot' && <span class="soft">{say('photo.no-preview')}</span>}
      </button>
      {large.value && <Enlarged document={digest} label={label} onClose={() => (large.value = false)} />}
    </>
  )
}

async function draw(photograph: Promise<Blob | null>, canvas: { current: HTMLCanvasElement | null }): Promise<boolean> {
  const blob = await photograph
  const into = canvas.current
  if (!blob || !into) return false
  await drawSmall(blob, WIDTH, into)
  return true
}
