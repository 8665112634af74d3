/** The cart. */

import * as cart from "../cart.js";
import * as store from "../store.js";
import { on } from "../bus.js";
import { h, show } from "../dom.js";
import { money } from "../money.js";
import { empty, linkButton, picture, stepper } from "../parts.js";
import { toast } from "../toast.js";

/** @typedef {import("../types.js").Line} Line */

const SWIPED = 0.35;

/** @type {import("../types.js").View} */
export async function view(root, signal) {
  /** @type {Record<number, number>} */
  let prices = (await store.get("prices")) ?? {};
  const accept = async (/** @type {Line} */ line) => {
    prices = await store.change("prices", (old) => ({ ...old, [line.product.id]: line.product.price }));
    put();
  };
  const put = () => keepingFocus(root, () => render(root, prices, accept));
  on("cart", put, signal);
  put();
  return "Cart";
}

/**
 * @param {HTMLElement} root
 * @param {() => void} render
 */
function keepingFocus(root, render) {
  const label = root.contains(document.activeElement) && document.activeElement?.getAttribute("aria-label");
  render();
  if (label) /** @type {HTMLElement | null} */ (root.querySelector(`[aria-label="${CSS.escape(label)}"]`))?.focus({ preventScroll: true });
}

/**
 * @param {HTMLElement} root
 * @param {Record<number, number>} prices as they were when they were seen last
 * @param {(line: Line) => void} accept
 */
function render(root, prices, accept) {
  const { lines, notices, total_price: total } = cart.current();
  const refused = cart.refusals();
  const told = refused.length > 0 && h("div", { class: "notice", role: "alert" },
    ...refused.map((each) => h("p", {}, h("b", {}, each.product.name), `: ${each.detail}`)),
    h("button", { type: "button", onclick: () => void cart.dismiss() }, "All right"));
  if (!lines.length) {
    show(root, told, empty("Your cart is empty", "What you add is kept here, even without a network.", linkButton("To the shop", "/")));
    return;
  }
  const rows = lines.map((line) => {
    const notice = notices.find((each) => each.order_item_id === line.id);
    const before = prices[line.product.id];
    const moved = before !== undefined && before !== line.product.price;
    return row(line,
      notice && h("div", { class: "notice" }, h("p", {}, notice.detail),
        notice.available > 0
          ? h("button", { type: "button", onclick: () => void cart.change("set", line.product, notice.available) }, `Take ${notice.available}`)
          : h("button", { type: "button", onclick: () => remove(line) }, "Remove it")),
      moved && h("div", { class: "notice" }, h("p", {}, `The price changed from ${money(before)} to ${money(line.product.price)}.`),
        h("button", { type: "button", onclick: () => accept(line) }, "Accept")));
  });
  const blocked = notices.length > 0;
  show(root, h("h1", { tabindex: "-1" }, "Cart"), told, h("ul", { class: "lines" }, ...rows),
    h("div", { class: "total" }, h("span", {}, "Total"), h("b", {}, money(total))),
    blocked && h("p", { class: "muted", id: "blocked" }, "Accept what changed above, then go on."),
    blocked
      ? h("button", { type: "button", class: "main", disabled: true, "aria-describedby": "blocked" }, "Checkout")
      : linkButton("Checkout", "/checkout"));
}

/**
 * @param {Line} line
 * @param {...(HTMLElement | false | undefined)} notices
 */
function row(line, ...notices) {
  const { product } = line;
  const item = h("li", { class: line.pending ? "line pending" : "line" },
    h("div", { class: "sheet" },
      h("a", { href: `/product/${product.id}`, tabindex: "-1", "aria-hidden": "true" }, picture(product)),
      h("div", { class: "what" }, h("a", { href: `/product/${product.id}` }, product.name), h("span", { class: "muted" }, money(product.price)),
        line.pending && h("span", { class: "muted wait" }, "not sent yet")),
      h("b", { class: "sum" }, money(line.total_price)),
      stepper(product.name, line.quantity, (quantity) => void cart.change("set", product, quantity)),
      h("button", { type: "button", class: "quiet", "aria-label": `Remove ${product.name}`, onclick: () => remove(line) }, "Remove")),
    ...notices);
  swipe(item, () => remove(line));
  return item;
}

/** @param {Line} line */
function remove(line) {
  void cart.change("remove", line.product);
  toast(`${line.product.name} removed`, { label: "Undo", act: () => void cart.change("set", line.product, line.quantity) });
}

/**
 * @param {HTMLElement} item
 * @param {() => void} act
 */
function swipe(item, act) {
  const sheet = /** @type {HTMLElement} */ (item.firstElementChild);
  let from = 0;
  let moved = 0;
  let enough = 0; // measured as it starts: a cart that is told meanwhile takes this line off the screen
  const settle = (/** @type {boolean} */ done) => {
    sheet.style.transform = done ? `translateX(${Math.sign(moved) * 100}%)` : "";
    from = moved = 0;
  };
  item.addEventListener("touchstart", (event) => {
    from = event.touches[0]?.clientX ?? 0;
    enough = item.offsetWidth * SWIPED;
  }, { passive: true });
  item.addEventListener("touchmove", (event) => {
    moved = (event.touches[0]?.clientX ?? from) - from;
    if (Math.abs(moved) > 12) sheet.style.transform = `translateX(${moved}px)`;
  }, { passive: true });
  item.addEventListener("touchend", () => {
    const far = Math.abs(moved) > enough;
    settle(far);
    if (far) act();
  });
  item.addEventListener("touchcancel", () => settle(false));
}
