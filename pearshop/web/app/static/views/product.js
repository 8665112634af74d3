/** One product. */

import * as cart from "../cart.js";
import * as store from "../store.js";
import { product as ask } from "../catalogue.js";
import { on } from "../bus.js";
import { h, icon, show } from "../dom.js";
import { money, stockHint } from "../money.js";
import { Refused, Trouble } from "../net.js";
import { empty, linkButton, picture, stepper } from "../parts.js";
import { back } from "../router.js";

/** @type {import("../types.js").View} */
export async function view(root, signal, id) {
  const known = await store.product(id);
  if (known) put(root, known, signal);
  const asked = ask(id, signal);
  try {
    const found = known ? known : await asked;
    if (!known) put(root, found, signal);
    else asked.then((fresh) => signal.aborted || (changed(known, fresh) && put(root, fresh, signal)), (error) => late(root, error));
    return found.name;
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return gone(root);
    throw error;
  }
}

/** @param {import("../types.js").Product} old @param {import("../types.js").Product} fresh */
const changed = (old, fresh) => JSON.stringify(old) !== JSON.stringify(fresh);

/** @param {HTMLElement} root @param {unknown} error */
function late(root, error) {
  if (error instanceof Refused && error.status === 404) gone(root);
  else if (!(error instanceof Trouble)) throw error;
}

/** @param {HTMLElement} root */
function gone(root) {
  show(root, empty("No longer sold", "This product is not in the shop any more.", linkButton("To the shop", "/")));
  return "No longer sold";
}

/**
 * @param {HTMLElement} root
 * @param {import("../types.js").Product} product
 * @param {AbortSignal} signal
 */
function put(root, product, signal) {
  let quantity = 1;
  const steps = h("div", {});
  const setSteps = (/** @type {number} */ wanted) => {
    quantity = wanted;
    show(steps, stepper(product.name, quantity, setSteps));
  };
  setSteps(1);
  const soldOut = product.stock === 0;
  const add = h("button", { type: "button", class: "main", disabled: soldOut, onclick: async () => {
    await cart.change("add", product, quantity);
    add.classList.remove("pop");
    void add.offsetWidth;
    add.classList.add("pop");
    setSteps(1);
  } }, soldOut ? "Sold out" : "Add to cart");
  const held = h("p", { role: "status" });
  const tell = () => {
    const line = cart.kept().lines.find((each) => each.product.id === product.id);
    const text = line ? `${line.quantity} in the cart` : "";
    if (held.firstChild?.textContent === text) return;
    show(held, ...(line ? [h("span", {}, text), h("a", { href: "/cart" }, "To the cart")] : []));
  };
  on("cart", tell, signal);
  tell();
  show(root, h("button", { type: "button", class: "back", "aria-label": "Back", onclick: () => back("/") }, icon("back")),
    h("article", { class: "product" }, picture(product),
      h("div", {}, h("h1", { tabindex: "-1" }, product.name), h("p", { class: "price" }, money(product.price)),
        h("p", { class: soldOut ? "hint out" : "hint" }, stockHint(product.stock)),
        product.category && h("p", { class: "muted" }, product.category),
        h("p", { class: "text" }, product.description),
        h("div", { class: "buy" }, steps, add, held))));
}
