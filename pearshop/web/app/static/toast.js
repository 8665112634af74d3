/** Short answers at the foot of the screen, each with at most one thing to do about it. */

import { h } from "./dom.js";

const STAYS_MS = 6_000;

/**
 * @param {string} text
 * @param {{label: string, act: () => void, stays?: boolean}} [action]
 */
export function toast(text, action) {
  const place = /** @type {HTMLElement} */ (document.getElementById("toasts"));
  const end = () => made.remove();
  const made = h("div", { class: action?.stays ? "toast stays" : "toast" }, h("span", {}, text));
  if (action) {
    made.append(h("button", { type: "button", onclick: () => (end(), action.act()) }, action.label));
  }
  place.replaceChildren(made);
  if (!action?.stays) setTimeout(end, STAYS_MS);
}

/** On another screen it says nothing any more, unless it was to stay. */
export function clearToast() {
  document.querySelector("#toasts > :not(.stays)")?.remove();
}

/**
 * Say what went wrong, with a way to try again.
 * @param {unknown} error
 * @param {() => void} [again]
 */
export function trouble(error, again) {
  const text = error instanceof Error ? error.message : String(error);
  toast(text, again && { label: "Try again", act: again });
}
