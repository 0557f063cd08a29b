/// <reference lib="webworker" />
// The service worker: the phone's page opens with no network. It keeps what the build made, and nothing that a node says.
//
// A new version is fetched whole beside the old one and takes over when no tab of the old one is open any more: what was
// entered and signed lies in IndexedDB, which it does not touch.

const worker = globalThis as unknown as ServiceWorkerGlobalScope

/** Filled in by the build (`precache.ts`): a name for this build, and the paths of its files. */
declare const BUILD: string
declare const FILES: readonly string[]

const KEPT = 'page-'
const CACHE = KEPT + BUILD
const PAGE = '/'

worker.addEventListener('install', (event) => event.waitUntil(fetchAll()))
worker.addEventListener('activate', (event) => event.waitUntil(takeOver()))
worker.addEventListener('fetch', (event) => {
  const path = ours(event.request)
  if (path) event.respondWith(kept(path, event.request))
})

/** All files of this build or none: a version that is not whole is not installed. */
async function fetchAll(): Promise<void> {
  const cache = await caches.open(CACHE)
  await cache.addAll(FILES.map((path) => new Request(path, { cache: 'reload' })))
}

async function takeOver(): Promise<void> {
  const old = (await caches.keys()).filter((name) => name.startsWith(KEPT) && name !== CACHE)
  await Promise.all(old.map((name) => caches.delete(name)))
  await worker.clients.claim()
}

/** The path under which a request is answered from here, or null if it is the network's: /v1, /ppk, other origins. */
function ours(request: Request): string | null {
  const { origin, pathname } = new URL(request.url)
  if (request.method !== 'GET' || origin !== worker.location.origin) return null
  if (pathname === '/index.html') return PAGE
  return FILES.includes(pathname) ? pathname : null
}

async function kept(path: string, request: Request): Promise<Response> {
  const cache = await caches.open(CACHE)
  return (await cache.match(path)) ?? fetch(request)
}
