/** The sign in the header: offline, syncing, or done. */

import { emit, on } from "./bus.js";
import { waiting } from "./cart.js";

const DONE_MS = 2_000;

/** @param {HTMLElement} place */
export function start(place) {
  let reached = true;
  let syncing = false;
  let done = 0;
  const show = () => {
    const offline = !navigator.onLine || !reached;
    const count = waiting();
    const kept = count ? ` · ${count} to send` : "";
    const state = offline ? "offline" : syncing ? "syncing" : done ? "done" : "";
    const text = { offline: `Offline${kept}`, syncing: "Syncing…", done: "Up to date", "": "" }[state];
    if (place.textContent !== text) place.textContent = text;
    place.className = state;
  };
  on("reached", (yes) => {
    if (yes === reached) return;
    reached = yes;
    show();
    if (yes) emit("back");
  });
  on("cart", show);
  on("syncing", (now) => {
    if (syncing && now === false) {
      clearTimeout(done);
      done = setTimeout(() => ((done = 0), show()), DONE_MS);
    }
    syncing = now === true;
    show();
  });
  window.addEventListener("offline", show);
  window.addEventListener("online", () => {
    reached = true;
    show();
    emit("back");
  });
  show();
}
