/** One order, as it moves on. */

import * as orders from "../orders.js";
import { h, icon, show } from "../dom.js";
import { money, time } from "../money.js";
import { Refused, pause } from "../net.js";
import { empty, linkButton, picture } from "../parts.js";
import { back, go } from "../router.js";
import { toast, trouble } from "../toast.js";

/** @typedef {import("../types.js").Order} Order */

const LOOK_MS = 3_000;
const STEPS = ["placed", "packed", "shipped", "delivered"];

/** @type {import("../types.js").View} */
export async function view(root, signal, id) {
  const fresh = new URLSearchParams(location.search).has("new");
  let known = (await orders.seen()).find((each) => each.id === id);
  const put = (/** @type {Order} */ order) => {
    if (JSON.stringify(order) === JSON.stringify(known) && root.childElementCount) return;
    known = order;
    render(root, order, fresh, put);
  };
  if (known) render(root, known, fresh, put);
  try {
    if (!known) put(await orders.one(id));
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    show(root, empty("No such order", error.message, linkButton("To your orders", "/orders")));
    return "No such order";
  }
  void follow(id, put, signal);
  return `Order ${id}`;
}

/**
 * @param {number} id
 * @param {(order: Order) => void} put
 * @param {AbortSignal} signal
 */
async function follow(id, put, signal) {
  while (!signal.aborted) {
    const order = document.hidden ? null : await orders.one(id).catch(() => null);
    if (order && !signal.aborted) put(order);
    await pause(LOOK_MS, signal).catch(() => undefined);
  }
}

/**
 * @param {HTMLElement} root
 * @param {Order} order
 * @param {boolean} fresh it was placed a moment ago
 * @param {(order: Order) => void} put
 */
function render(root, order, fresh, put) {
  const cancel = async () => {
    try {
      put(await orders.cancel(order.id));
      toast("The order is cancelled.");
    } catch (error) {
      trouble(error, error instanceof Refused ? undefined : cancel);
    }
  };
  const again = async () => {
    await orders.again(order);
    go("/cart");
  };
  const reached = new Map(order.events.map((each) => [each.status, each.created_at]));
  const steps = order.status === "cancelled" ? ["placed", "cancelled"] : STEPS;
  show(root, h("button", { type: "button", class: "back", "aria-label": "Back", onclick: () => back("/orders") }, icon("back")),
    h("h1", { tabindex: "-1" }, fresh ? "Thank you!" : `Order ${order.id}`),
    fresh && h("p", {}, `Order ${order.id} is placed.`),
    h("ol", { class: "steps", "aria-label": "Where it is", "aria-live": "polite" }, ...steps.map((each) => {
      const when = reached.get(each);
      return h("li", { class: when ? "reached" : "" }, h("span", {}, each), h("small", {}, when ? time(when) : "not yet"));
    })),
    h("ul", { class: "lines" }, ...order.order_items.map((line) => h("li", { class: "line" }, h("div", { class: "sheet sold" }, picture(line.product),
      h("div", { class: "what" }, h("a", { href: `/product/${line.product.id}` }, line.product.name), h("span", { class: "muted" }, `${line.quantity} × ${money(line.product.price)}`)),
      h("b", { class: "sum" }, money(line.total_price)))))),
    h("div", { class: "total" }, h("span", {}, "Total"), h("b", {}, money(order.total_price))),
    h("h2", {}, "Delivered to"), h("p", { class: "text" }, order.delivery_address),
    h("div", { class: "actions" }, h("button", { type: "button", class: "main", onclick: again }, "Order again"),
      order.status === "placed" && h("button", { type: "button", onclick: cancel }, "Cancel the order")));
}
