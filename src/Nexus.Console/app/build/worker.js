// The service worker: pages that were visited open without the server, with what was read then.
const version = __VERSION__;
const first = __FIRST__;
const files = `console-files-${version}`;
const answers = 'console-answers';
const pictures = 'console-pictures';
const page = '/console/';
const entries = 400;
const mostPictures = 100;

self.addEventListener('install', (event) => {
  event.waitUntil(caches.open(files).then((cache) => cache.addAll([page, ...first])).then(() => self.skipWaiting()));
});

self.addEventListener('activate', (event) => {
  event.waitUntil((async () => {
    // Files of the build before stay for the tabs that still run it; older ones go.
    const old = (await caches.keys()).filter((name) => name.startsWith('console-files-') && name !== files);
    await Promise.all(old.slice(0, -1).map((name) => caches.delete(name)));
    await self.clients.claim();
  })());
});

// Somebody else signs in or this one signs out: what was read belongs to nobody any more.
self.addEventListener('message', (event) => {
  if (event.data === 'forget') event.waitUntil(Promise.all([caches.delete(answers), caches.delete(pictures)]).then(() => event.source?.postMessage('forgotten')));
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== self.location.origin) return;
  const isFile = url.pathname.startsWith('/console/assets/') || url.pathname.startsWith('/console/files/');
  if (request.mode === 'navigate' && url.pathname.startsWith(page) && !isFile) event.respondWith(navigate(request));
  else if (isFile) event.respondWith(file(request));
  else if (url.pathname.startsWith('/api/') && !request.headers.get('accept')?.includes('text/event-stream')) event.respondWith(answer(request));
});

async function navigate(request) {
  try {
    const fresh = await fetch(request);
    if (fresh.ok) (await caches.open(files)).put(page, fresh.clone());
    return fresh;
  } catch (error) {
    const kept = await caches.match(page);
    if (kept) return kept;
    throw error;
  }
}

async function file(request) {
  const kept = await caches.match(request);
  if (kept) return kept;
  const fresh = await fetch(request);
  if (fresh.ok) (await caches.open(files)).put(request, fresh.clone());
  return fresh;
}

async function answer(request) {
  try {
    const fresh = await fetch(request);
    // A file that is attached to a record may be JSON too, and of any size.
    const type = fresh.headers.get('content-type') ?? '';
    if (fresh.ok && type.includes('json') && !fresh.headers.has('content-disposition')) await keep(answers, entries, request, fresh.clone());
    // What a node made small is small.
    else if (fresh.status === 200 && type === 'image/webp' && new URL(request.url).searchParams.has('width')) await keep(pictures, mostPictures, request, fresh.clone());
    return fresh;
  } catch (error) {
    const kept = await (await caches.open(answers)).match(request) ?? await (await caches.open(pictures)).match(request);
    if (!kept) throw error;
    const headers = new Headers(kept.headers);
    headers.set('x-console-offline', '1');
    return new Response(kept.body, { status: kept.status, headers });
  }
}

async function keep(name, most, request, fresh) {
  const cache = await caches.open(name);
  await cache.put(request, fresh);
  const keys = await cache.keys();
  await Promise.all(keys.slice(0, Math.max(0, keys.length - most)).map((key) => cache.delete(key)));
}
