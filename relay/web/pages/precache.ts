// Tells the service worker what the build made, so that it can keep all of the phone's page on the phone.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Plugin, Rolldown } from 'vite'

const PAGE = 'index.html'

/**
 * Writes `BUILD` and `FILES` into `sw.js`.
 *
 * `publicFolder` holds files that are served as they are, such as icons and the manifest.
 */
export const precache = (publicFolder: string): Plugin => ({
  name: 'precache',
  apply: 'build',
  generateBundle: {
    order: 'post',
    handler(_options, bundle) {
      const worker = bundle['sw.js']
      if (worker?.type !== 'chunk') throw new Error('the service worker is not built as sw.js')
      const digest = createHash('sha256')
      const paths = ['/']
      for (const name of needed(bundle)) {
        const made = bundle[name]
        if (made) digest.update(name).update(made.type === 'chunk' ? made.code : made.source)
        if (name !== PAGE) paths.push(`/${name}`)
      }
      for (const name of existsSync(publicFolder) ? readdirSync(publicFolder) : []) {
        digest.update(name).update(readFileSync(join(publicFolder, name)))
        paths.push(`/${name}`)
      }
      const build = digest.update(worker.code).digest('hex').slice(0, 16)
      worker.code = `const BUILD=${JSON.stringify(build)},FILES=${JSON.stringify(paths)};\n${worker.code}`
    }
  }
})

/** The page, and all that it may load, at once or later: not what only the PPK's page needs. */
function needed(bundle: Rolldown.OutputBundle): string[] {
  const found = new Set([PAGE])
  const entry = Object.values(bundle).find((made) => made.type === 'chunk' && made.isEntry && made.name === 'phone')
  const waiting = entry ? [entry.fileName] : []
  for (let name = waiting.pop(); name; name = waiting.pop()) {
    const made = bundle[name]
    if (found.has(name) || !made) continue
    found.add(name)
    if (made.type !== 'chunk') continue
    const { importedCss = [], importedAssets = [] } = made.viteMetadata ?? {}
    waiting.push(...made.imports, ...made.dynamicImports, ...importedCss, ...importedAssets)
  }
  return [...found].sort()
}
