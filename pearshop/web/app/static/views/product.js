/** One product. */

import * as cart from "../cart.js";
import * as store from "../store.js";
import { product as ask } from "../catalogue.js";
import { h, icon, show } from "../dom.js";
import { money, stockHint } from "../money.js";
import { Refused, Trouble } from "../net.js";
import { empty, linkButton, picture, stepper } from "../parts.js";
import { back } from "../router.js";
import { toast } from "../toast.js";
import { go } from "../router.js";

/** @type {import("../types.js").View} */
export async function view(root, signal, id) {
  const known = await store.product(id);
  if (known) put(root, known);
  const asked = ask(id, signal);
  try {
    const found = known ? known : await asked;
    if (!known) put(root, found);
    else asked.then((fresh) => signal.aborted || (changed(known, fresh) && put(root, fresh)), (error) => late(root, error));
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
 */
function put(root, product) {
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
    const line = cart.current().lines.find((each) => each.product.id === product.id);
    toast(`${line?.quantity ?? quantity} × ${product.name} in the cart`, { label: "To the cart", act: () => go("/cart") });
    setSteps(1);
  } }, soldOut ? "Sold out" : "Add to cart");
  show(root, h("button", { type: "button", class: "back", "aria-label": "Back", onclick: () => back("/") }, icon("back")),
    h("article", { class: "product" }, picture(product),
      h("div", {}, h("h1", { tabindex: "-1" }, product.name), h("p", { class: "price" }, money(product.price)),
        h("p", { class: soldOut ? "hint out" : "hint" }, stockHint(product.stock)),
        product.category && h("p", { class: "muted" }, product.category),
        h("p", { class: "text" }, product.description),
        h("div", { class: "buy" }, steps, add))));
}
