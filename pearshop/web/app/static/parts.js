/** Parts that several screens show. */

import { h, icon } from "./dom.js";
import { money, stockHint } from "./money.js";

/** @typedef {import("./types.js").Product} Product */

/**
 * @param {Product} product
 * @returns {HTMLElement} its picture, or a stand-in of the same size
 */
export function picture(product) {
  const frame = h("div", { class: "frame" });
  const standIn = () => frame.replaceChildren(icon("pear"));
  if (product.image) {
    frame.append(h("img", { src: product.image, alt: "", loading: "lazy", decoding: "async", onerror: standIn }));
  } else standIn();
  frame.dataset["tint"] = String([...product.category].reduce((sum, each) => sum + each.charCodeAt(0), 0) % 6);
  return frame;
}

/** @param {Product} product */
export function card(product) {
  const hint = stockHint(product.stock);
  return h(
    "a",
    { class: "card", href: `/product/${product.id}` },
    picture(product),
    h("span", { class: "name" }, product.name),
    h("span", { class: "price" }, money(product.price)),
    h("span", { class: product.stock === 0 ? "hint out" : "hint" }, hint),
  );
}

/**
 * @param {string} what for screen readers
 * @param {number} quantity
 * @param {(quantity: number) => void} set
 */
export function stepper(what, quantity, set) {
  const step = (/** @type {number} */ by, /** @type {string} */ sign, /** @type {string} */ label) =>
    h("button", { type: "button", "aria-label": `${label} of ${what}`, disabled: quantity + by < 1, onclick: () => set(quantity + by) }, sign);
  return h(
    "div",
    { class: "stepper", role: "group", "aria-label": `Quantity of ${what}` },
    step(-1, "−", "One less"),
    h("output", {}, String(quantity)),
    step(1, "+", "One more"),
  );
}

/**
 * @param {string} label
 * @param {HTMLElement} input
 * @param {string} [hint]
 */
export function field(label, input, hint) {
  return h("label", { class: "field" }, h("span", {}, label), input, hint && h("small", {}, hint));
}

/**
 * @param {string} heading
 * @param {string} text
 * @param {...HTMLElement} actions
 */
export const empty = (heading, text, ...actions) =>
  h("div", { class: "empty" }, icon("pear"), h("h1", { tabindex: "-1" }, heading), h("p", {}, text), ...actions);

/** @param {string} text @param {string} href */
export const linkButton = (text, href) => h("a", { class: "button main", href }, text);
