/** The shop: a grid of products, searched, filtered, sorted, without an end. */

import * as catalogue from "../catalogue.js";
import { h, show } from "../dom.js";
import { decimals, known as currency } from "../money.js";
import { Trouble } from "../net.js";
import { card, field } from "../parts.js";

const TYPING_MS = 250;
const PULL_PX = 80;
const SORTS = [
  ["", "Newest changes"],
  ["price", "Price, low to high"],
  ["-price", "Price, high to low"],
  ["name", "Name, A to Z"],
  ["newest", "New in the shop"],
];

const wish = catalogue.wished(new URLSearchParams(location.search));
const grid = h("div", { class: "grid" });
const chips = h("div", { class: "chips", role: "group", "aria-label": "Categories" });
const note = h("p", { class: "note", role: "status" });
const end = h("div", { class: "end" });
/** @type {string | null} */
let next = null;
let loading = new AbortController();
let busy = false;
let made = false;

/** @type {import("../types.js").View} */
export function view(root, signal) {
  if (!made) build(root);
  made = true;
  showAddress();
  watchEnd(signal);
  pullToRefresh(root, signal);
  return "Shop";
}

/** @param {HTMLElement} root */
function build(root) {
  let timer = 0;
  const search = h("input", {
    type: "search", value: wish.search, placeholder: "Search the shop", "aria-label": "Search the shop", enterkeyhint: "search", autocomplete: "off",
    oninput: () => {
      clearTimeout(timer);
      timer = setTimeout(() => ((wish.search = search.value.trim()), renew()), TYPING_MS);
    },
  });
  const sort = h("select", { "aria-label": "Sort", onchange: () => ((wish.ordering = sort.value), renew()) },
    SORTS.map(([value, label]) => h("option", { value }, label)));
  sort.value = wish.ordering;
  if (sort.selectedIndex < 0) wish.ordering = sort.value = "";
  show(root, h("h1", { class: "hidden", tabindex: "-1" }, "Shop"),
    h("form", { class: "find", role: "search", onsubmit: (/** @type {Event} */ event) => (event.preventDefault(), search.blur()) }, search),
    chips, h("div", { class: "refine" }, sort, filters()), note, grid, end);
  void renew();
  void showChips();
}

function filters() {
  const scale = 10 ** decimals();
  const price = (/** @type {"min" | "max"} */ name) => {
    const input = h("input", { type: "number", inputmode: "decimal", min: "0", step: "any", value: wish[name] && Number(wish[name]) / scale, onchange: () => {
      wish[name] = input.value && String(Math.round(Number(input.value) * scale));
      void renew();
    } });
    return input;
  };
  const stock = h("input", { type: "checkbox", checked: wish.stock, onchange: () => ((wish.stock = stock.checked), renew()) });
  const open = Boolean(wish.min || wish.max || wish.stock);
  return h("details", { class: "filters", open }, h("summary", {}, "Filter"),
    h("div", {}, field("Price from", price("min")), field("Price to", price("max")), h("label", { class: "check" }, stock, "In stock only")));
}

async function showChips() {
  const found = await catalogue.categories().catch(() => []);
  const chip = (/** @type {string | null} */ name, /** @type {string} */ label) =>
    h("button", { type: "button", "aria-pressed": String(wish.category === name), onclick: () => ((wish.category = name), renew(), showPressed(name)) }, label);
  const buttons = [chip(null, "All"), ...found.filter((each) => each.name).map((each) => chip(each.name, each.name))];
  const names = [null, ...found.filter((each) => each.name).map((each) => each.name)];
  const showPressed = (/** @type {string | null} */ name) =>
    buttons.forEach((each, index) => each.setAttribute("aria-pressed", String(names[index] === name)));
  show(chips, ...buttons);
}

/** Show the first page anew: as it was seen last at once, as it is now as soon as possible. */
async function renew() {
  loading.abort();
  loading = new AbortController();
  const { signal } = loading;
  const path = catalogue.address(wish);
  showAddress();
  busy = true;
  const asked = catalogue.page(path, signal);
  asked.catch(() => undefined); // it is looked at below, unless nobody wants it any more
  const [known] = await Promise.all([catalogue.seen(path), currency()]);
  if (signal.aborted) return;
  if (known) put(known, true);
  else if (!grid.childElementCount) skeleton();
  try {
    const page = await asked;
    if (!signal.aborted) put(page, true);
  } catch (error) {
    if (signal.aborted) return;
    if (!known) put(await catalogue.guess(wish), true);
    complain(error, renew);
  } finally {
    if (!signal.aborted) busy = false;
  }
  void more();
}

/** Show the next page, if its place is near the screen. */
async function more() {
  const path = next;
  if (busy || !path || !end.isConnected || end.getBoundingClientRect().top > innerHeight * 2) return;
  busy = true;
  const { signal } = loading;
  try {
    put(await catalogue.page(path, signal), false);
  } catch (error) {
    if (signal.aborted) return;
    const known = await catalogue.seen(path);
    if (known) put(known, false);
    else complain(error, more);
  } finally {
    if (!signal.aborted) busy = false;
  }
  if (next !== path) void more();
}

/**
 * @param {import("../catalogue.js").Page} page
 * @param {boolean} first
 */
function put(page, first) {
  next = page.next;
  const cards = page.items.map(card);
  if (first) show(grid, ...cards);
  else grid.append(...cards);
  show(note, grid.childElementCount ? "" : "Nothing fits: try other words or fewer filters.");
}

/** What was wished stands in the address, to be kept and shared. */
function showAddress() {
  const query = catalogue.query(wish).toString();
  history.replaceState(history.state, "", query ? `/?${query}` : "/");
}

function skeleton() {
  show(grid, ...Array.from({ length: 8 }, () => h("div", { class: "card blank", "aria-hidden": "true" }, h("div", { class: "frame" }))));
}

/**
 * @param {unknown} error
 * @param {() => void} again
 */
function complain(error, again) {
  const offline = error instanceof Trouble && error.offline;
  const text = offline ? "What you saw last; the shop cannot be reached." : /** @type {Error} */ (error).message;
  show(note, `${text} `, h("button", { type: "button", onclick: again }, "Try again"));
}

/** @param {AbortSignal} signal */
function watchEnd(signal) {
  const watch = new IntersectionObserver(() => void more(), { rootMargin: "100%" });
  watch.observe(end);
  signal.addEventListener("abort", () => watch.disconnect());
}

/**
 * @param {HTMLElement} root
 * @param {AbortSignal} signal
 */
function pullToRefresh(root, signal) {
  let from = 0;
  let pulled = 0;
  const how = { signal, passive: true };
  root.addEventListener("touchstart", (event) => (from = scrollY ? 0 : (event.touches[0]?.clientY ?? 0)), how);
  root.addEventListener("touchmove", (event) => {
    if (!from) return;
    pulled = (event.touches[0]?.clientY ?? from) - from;
    note.classList.toggle("pulled", pulled > PULL_PX);
    if (pulled > PULL_PX) show(note, "Let go to refresh");
  }, how);
  root.addEventListener("touchend", () => {
    if (from && pulled > PULL_PX) void renew().then(showChips);
    note.classList.remove("pulled");
    from = pulled = 0;
  }, how);
}
