/** Follows the cart: by a stream of events, or by asking where streams do not get through. */

import { renew, token, userOf } from "./auth.js";
import { hear, refresh, version } from "./cart.js";
import { emit, on } from "./bus.js";
import { delay, pause } from "./net.js";

const POLL_MS = 5_000;
const SILENCE_MS = 10_000;
/** @type {AbortController | null} */
let following = null;

/** Follow from now on, whenever the app is in view. */
export function start() {
  const turn = () => (document.hidden ? stop() : restart());
  document.addEventListener("visibilitychange", turn);
  window.addEventListener("online", turn);
  window.addEventListener("offline", stop);
  on("session", turn);
  on("guest", turn);
  turn();
}

function stop() {
  following?.abort();
  following = null;
}

function restart() {
  stop();
  following = new AbortController();
  follow(following.signal).catch(() => undefined);
}

/** @param {AbortSignal} signal */
async function follow(signal) {
  for (let failures = 0; !signal.aborted; ) {
    const outcome = await stream(signal).catch(() => "failed");
    if (outcome === "nobody") return;
    if (outcome === "ended") {
      failures = 0;
      continue;
    }
    if (++failures > 2) await refresh().catch(() => undefined);
    await pause(failures > 2 ? POLL_MS : delay(failures, 0), signal);
  }
}

/**
 * @param {AbortSignal} signal
 * @returns {Promise<"ended" | "failed" | "nobody">}
 */
async function stream(signal) {
  const bearer = await token();
  if (!bearer) return "nobody";
  const silence = new AbortController();
  const headers = { Authorization: `Bearer ${bearer}`, "Last-Event-ID": String(Math.max(version(), 0)) };
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  try {
    const response = await fetch("/api/cart/events/", {
      headers: version() < 0 ? { Authorization: headers.Authorization } : headers,
      signal: AbortSignal.any([signal, silence.signal]),
    });
    if (response.status === 401) return (await renew(bearer)) ? "ended" : "nobody";
    if (!response.ok || !response.body) return "failed";
    emit("reached", true);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let text = ""; ; ) {
      const { done, value } = await reader.read();
      if (done) return "ended";
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MS);
      const events = (text + value).split("\n\n");
      text = events.pop() ?? "";
      for (const each of events) await take(each, userOf(bearer));
    }
  } finally {
    clearTimeout(timer);
  }
}

/**
 * @param {string} event
 * @param {string} whose the id of the user
 */
async function take(event, whose) {
  const data = event.split("\n").find((line) => line.startsWith("data: "));
  if (data) await hear(JSON.parse(data.slice(6)), whose);
}
