/**
 * The service worker. `SHELL` and `VERSION` are written before it as it is served. The app's files
 * come from the phone, all of one version; product pictures from there first, then anew.
 */

const scope = /** @type {ServiceWorkerGlobalScope & {SHELL: string[], VERSION: string}} */ (
  /** @type {unknown} */ (self)
);
const SHELL_CACHE = `shell-${scope.VERSION}`;
const PICTURES = "pictures";
const MOST_PICTURES = 300;
const OURS = /^\/(?:product\/\d+|cart|checkout|orders(?:\/\d+)?|account)?\/?$/;

scope.addEventListener("install", (event) => event.waitUntil(install()));
scope.addEventListener("activate", (event) => event.waitUntil(activate()));
scope.addEventListener("message", (event) => {
  if (event.data === "take over") void scope.skipWaiting();
});
scope.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET") return;
  if (request.mode === "navigate") {
    if (url.origin === scope.location.origin && OURS.test(url.pathname)) event.respondWith(shell("/", request));
  } else if (url.origin === scope.location.origin && scope.SHELL.includes(url.pathname)) {
    event.respondWith(shell(url.pathname, request));
  } else if (request.destination === "image") {
    event.respondWith(picture(event));
  }
});

async function install() {
  const cache = await caches.open(SHELL_CACHE);
  const asked = scope.SHELL.map((path) => new Request(path, { cache: path === "/" ? "no-cache" : "default" }));
  await cache.addAll(asked);
}

async function activate() {
  const old = (await caches.keys()).filter((name) => name.startsWith("shell-") && name !== SHELL_CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
  await scope.clients.claim();
}

/**
 * @param {string} path
 * @param {Request} request
 */
async function shell(path, request) {
  const cache = await caches.open(SHELL_CACHE);
  return (await cache.match(path, { ignoreVary: true })) ?? fetch(request);
}

/** @param {FetchEvent} event */
async function picture(event) {
  const cache = await caches.open(PICTURES);
  const kept = await cache.match(event.request, { ignoreVary: true });
  const fresh = fetch(event.request).then(async (answer) => {
    if (answer.ok || answer.type === "opaque") {
      await cache.put(event.request, answer.clone());
      const all = await cache.keys();
      await Promise.all(all.slice(0, Math.max(0, all.length - MOST_PICTURES)).map((each) => cache.delete(each)));
    }
    return answer;
  });
  if (!kept) return fresh;
  event.waitUntil(fresh.catch(() => undefined));
  return kept;
}
