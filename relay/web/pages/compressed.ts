// Compresses what was built, once and as well as possible, so that a Pi never has to.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import type { Plugin } from 'vite'

const WORTH_IT = /\.(html|js|css|json|webmanifest|svg)$/

/** Beside every file of text that was built, `.br` and `.gz`, once all are written. */
export function compressed(): Plugin {
  let folder = ''
  return {
    name: 'compressed',
    apply: 'build',
    configResolved(config) {
      folder = resolve(config.root, config.build.outDir)
    },
    closeBundle: {
      order: 'post',
      sequential: true,
      handler() {
        const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
        for (const name of names.filter((name) => WORTH_IT.test(name))) compress(join(folder, name))
      }
    }
  }
}

function compress(path: string): void {
  const data = readFileSync(path)
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: data.length }
  writeFileSync(`${path}.br`, brotliCompressSync(data, { params }))
  writeFileSync(`${path}.gz`, gzipSync(data, { level: 9 }))
}
