/** Past orders, the newest first. */

import * as orders from "../orders.js";
import { isSignedIn } from "../auth.js";
import { h, show } from "../dom.js";
import { money, time } from "../money.js";
import { empty, linkButton } from "../parts.js";
import { trouble } from "../toast.js";

/** @typedef {import("../types.js").Order} Order */

/** @type {import("../types.js").View} */
export async function view(root, signal) {
  if (!(await isSignedIn())) {
    show(root, empty("Your orders", "Sign in to see what you ordered.", linkButton("Sign in or sign up", "/account?next=/orders")));
    return "Orders";
  }
  const known = await orders.seen();
  put(root, known, null, signal);
  orders.page(null).then(
    (page) => signal.aborted || put(root, page.orders, page.next, signal),
    (error) => signal.aborted || trouble(error),
  );
  return "Orders";
}

/**
 * @param {HTMLElement} root
 * @param {Order[]} found
 * @param {string | null} next
 * @param {AbortSignal} signal
 */
function put(root, found, next, signal) {
  if (!found.length) {
    show(root, empty("No orders yet", "What you order is listed here.", linkButton("To the shop", "/")));
    return;
  }
  const list = h("ul", { class: "orders" }, ...found.map(row));
  show(root, h("h1", { tabindex: "-1" }, "Orders"), list, more(list, next, signal));
}

/**
 * @param {HTMLElement} list
 * @param {string | null} next
 * @param {AbortSignal} signal
 * @returns {HTMLElement | null}
 */
function more(list, next, signal) {
  if (!next) return null;
  const button = h("button", { type: "button", onclick: async () => {
    button.disabled = true;
    try {
      const page = await orders.page(next);
      if (signal.aborted) return;
      list.append(...page.orders.map(row));
      button.replaceWith(more(list, page.next, signal) ?? "");
    } catch (error) {
      button.disabled = false;
      trouble(error);
    }
  } }, "Earlier orders");
  return button;
}

/** @param {Order} order */
function row(order) {
  const pieces = order.order_items.reduce((sum, each) => sum + each.quantity, 0);
  const names = order.order_items.map((each) => each.product.name).join(", ");
  return h("li", {}, h("a", { class: "order", href: `/orders/${order.id}` },
    h("span", { class: "row" }, h("b", {}, `Order ${order.id}`), h("span", { class: `state ${order.status}` }, order.status)),
    h("span", { class: "names" }, names),
    h("span", { class: "row muted" }, h("span", {}, `${time(order.created_at)} · ${pieces} ${pieces === 1 ? "piece" : "pieces"}`), h("b", {}, money(order.total_price)))));
}
