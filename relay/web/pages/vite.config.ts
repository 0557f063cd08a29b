// Builds both pages into the Python package. Forms and words are the same TOML files that Python reads.
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parse } from 'smol-toml'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'
import { compressed } from './compressed.ts'
import { precache } from './precache.ts'

/** `import form from './c-hasil-ppwp-2024.toml'` gives the parsed document. */
const toml: Plugin = {
  name: 'toml',
  load(id) {
    const path = id.split('?')[0] ?? id
    if (!path.endsWith('.toml')) return null
    return { code: `export default ${JSON.stringify(parse(readFileSync(path, 'utf8')))}`, moduleType: 'js' }
  }
}

const here = import.meta.dirname

export default defineConfig({
  root: here,
  base: '/',
  plugins: [toml, precache(resolve(here, 'public')), compressed()],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  resolve: { alias: { '@forms': resolve(here, '../../protocol/forms'), '@words': resolve(here, '../words') } },
  build: {
    outDir: resolve(here, '../built'),
    emptyOutDir: true,
    target: 'chrome120', // Android Chrome of two years ago and more
    assetsInlineLimit: 0, // the Content-Security-Policy allows no data: but for pictures
    modulePreload: { polyfill: false },
    manifest: 'assets.json',
    rolldownOptions: {
      input: {
        phone: resolve(here, 'index.html'),
        ppk: resolve(here, 'ppk/index.html'),
        worker: resolve(here, 'src/phone/worker.ts')
      },
      // a service worker speaks for the folder that it comes from: for all of `/`
      output: { entryFileNames: ({ name }) => (name === 'worker' ? 'sw.js' : 'assets/[name]-[hash].js') }
    }
  },
  server: { fs: { allow: [resolve(here, '../../..')] } },
  test: { include: ['src/**/*.test.ts'] }
})
