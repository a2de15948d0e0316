// The service worker: keeps the page's own files, so that it opens with no network. It keeps nothing of
// the server's answers, which belong to a rider and are kept beside the key.

/// <reference lib="webworker" />

declare const self: ServiceWorkerGlobalScope;

/** Filled in by the build: the files of this version, and a name that changes with them. */
declare const __FILES__: string[];
declare const __VERSION__: string;

const PREFIX = 'wallet-';
const CACHE = PREFIX + __VERSION__;

self.addEventListener('install', (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(['./', ...__FILES__])));
});

// A new version takes over when no page of the old one is open, so that none is left without its files.
self.addEventListener('activate', (event) => {
  const old = caches.keys().then((names) => names.filter((name) => name.startsWith(PREFIX) && name !== CACHE));
  event.waitUntil(
    old.then((names) => Promise.all(names.map((name) => caches.delete(name)))).then(() => self.clients.claim()),
  );
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== self.location.origin) return;
  if (url.pathname.startsWith('/v1/')) return;
  const wanted = request.mode === 'navigate' ? './' : request;
  event.respondWith(
    caches.open(CACHE).then(async (cache) => (await cache.match(wanted)) ?? fetch(request)),
  );
});

export {};
