/** Checkout: where to, how much, one button. */

import * as cart from "../cart.js";
import * as orders from "../orders.js";
import { isSignedIn } from "../auth.js";
import { on } from "../bus.js";
import { h, show } from "../dom.js";
import { money } from "../money.js";
import { Refused } from "../net.js";
import { empty, field, linkButton } from "../parts.js";
import { go } from "../router.js";

/** @type {import("../types.js").View} */
export async function view(root, signal) {
  if (!(await isSignedIn())) {
    show(root, empty("Sign in to order", "Your cart comes with you.", linkButton("Sign in or sign up", "/account?next=/checkout")));
    return "Checkout";
  }
  const underWay = await orders.pending();
  if (underWay) {
    await send(root, signal, orders.finish);
    return "Checkout";
  }
  await form(root, signal);
  return "Checkout";
}

/**
 * @param {HTMLElement} root
 * @param {AbortSignal} signal
 * @param {string} [problem]
 * @param {string} [typed] the address as it was given before that
 */
async function form(root, signal, problem, typed) {
  const known = await orders.addresses();
  const address = h("textarea", { rows: "3", required: true, maxlength: "2000", autocomplete: "street-address", value: typed ?? known[0] ?? "" });
  const summary = h("div", { class: "summary" });
  const button = h("button", { class: "main" });
  let total = 0;
  const put = () => {
    const now = cart.current();
    if (!now.lines.length) return show(root, empty("Your cart is empty", "There is nothing to order yet.", linkButton("To the shop", "/")));
    total = now.total_price;
    show(summary, h("ul", {}, ...now.lines.map((each) => h("li", {}, h("span", {}, `${each.quantity} × ${each.product.name}`), h("span", {}, money(each.total_price))))),
      h("div", { class: "total" }, h("span", {}, "Total"), h("b", {}, money(total))));
    show(button, `Order for ${money(total)}`);
    button.disabled = now.notices.length > 0;
  };
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    if (!address.value.trim()) {
      button.disabled = false;
      address.focus();
      return;
    }
    void send(root, signal, () => orders.place(address.value.trim(), total), address.value);
  };
  const ended = new AbortController();
  on("cart", put, AbortSignal.any([signal, ended.signal]));
  show(root, h("h1", { tabindex: "-1" }, "Checkout"), problem && h("div", { class: "notice", role: "alert" }, h("p", {}, problem), h("a", { href: "/cart" }, "Look at the cart")),
    h("form", { class: "form", onsubmit: (/** @type {Event} */ event) => (ended.abort(), submit(event)) }, field("Delivery address", address),
      known.length > 0 && h("div", { class: "chips", role: "group", "aria-label": "Last addresses" },
        ...known.map((each) => h("button", { type: "button", onclick: () => (address.value = each) }, each.split("\n")[0]))),
      summary, button));
  put();
}

/**
 * @param {HTMLElement} root
 * @param {AbortSignal} signal
 * @param {() => Promise<import("../types.js").Order>} place
 * @param {string} [typed] the address
 */
async function send(root, signal, place, typed) {
  show(root, h("div", { class: "empty", role: "status" }, h("div", { class: "spinner" }), h("h1", { tabindex: "-1" }, "Placing your order…"), h("p", {}, "You may close this: it is sent once, however long it takes.")));
  try {
    const order = await place();
    if (!signal.aborted) go(`/orders/${order.id}?new`, { replace: true });
  } catch (error) {
    if (signal.aborted) return;
    const text = /** @type {Error} */ (error).message;
    const known = !(await orders.pending());
    if (known) {
      if (error instanceof Refused) await cart.refresh().catch(() => undefined);
      await form(root, signal, text, typed);
      return;
    }
    const again = () => void send(root, signal, orders.finish, typed);
    show(root, h("div", { class: "empty" }, h("h1", { tabindex: "-1" }, "Not confirmed yet"), h("p", {}, text),
      h("p", {}, "Your order is kept. It is placed once, however often you try."), h("button", { type: "button", class: "main", onclick: again }, "Try again")));
    on("back", again, signal);
  }
}
