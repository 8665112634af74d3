/** Puts the app together: screens by address, the tabs, what runs beside them. */

import * as cart from "./cart.js";
import * as live from "./live.js";
import * as status from "./status.js";
import { on } from "./bus.js";
import { h, icon, show } from "./dom.js";
import * as money from "./money.js";
import { at, go, startRouter } from "./router.js";
import { clearToast, toast, trouble } from "./toast.js";
import { start as startWorker } from "./worker.js";
import { view as shop } from "./views/shop.js";

/** @typedef {import("./types.js").View} View */

/** @type {[RegExp, () => Promise<View>][]} */
const SCREENS = [
  [/^\/product\/(\d+)\/?$/, async () => (await import("./views/product.js")).view],
  [/^\/cart\/?$/, async () => (await import("./views/cart.js")).view],
  [/^\/checkout\/?$/, async () => (await import("./views/checkout.js")).view],
  [/^\/orders\/?$/, async () => (await import("./views/orders.js")).view],
  [/^\/orders\/(\d+)\/?$/, async () => (await import("./views/order.js")).view],
  [/^\/account\/?$/, async () => (await import("./views/account.js")).view],
];
const main = /** @type {HTMLElement} */ (document.getElementById("main"));
const shopRoot = h("div", { class: "screen" });
/** @type {AbortController | null} */
let shown = null;
let shopScroll = 0;
let wasShop = false;
let first = true;

/** @param {{match: RegExpExecArray | null}} found */
const widthOf = (found) => (found.match?.[0].startsWith("/product") ? "screen" : "screen narrow");

/** Show the screen of the present address. */
async function render() {
  shown?.abort();
  clearToast();
  const ends = (shown = new AbortController());
  if (wasShop) shopScroll = scrollY;
  markTab();
  const found = SCREENS.map(([pattern, load]) => ({ match: pattern.exec(at()), load })).find((each) => each.match);
  wasShop = !found;
  if (!found) {
    show(main, shopRoot);
    title(await shop(shopRoot, ends.signal, 0));
    scrollTo(0, shopScroll);
    return;
  }
  try {
    const [view] = await Promise.all([found.load(), money.known()]);
    if (ends.signal.aborted) return;
    const root = h("div", { class: widthOf(found) });
    show(main, root);
    scrollTo(0, 0);
    title(await view(root, ends.signal, Number(found.match?.[1])));
  } catch (error) {
    if (ends.signal.aborted) return;
    const again = h("button", { type: "button", class: "main", onclick: render }, "Try again");
    show(main, h("div", { class: "empty" }, h("h1", {}, "That did not work"), h("p", {}, /** @type {Error} */ (error).message), again));
  }
}

/** @param {string} text */
function title(text) {
  document.title = text === "Shop" ? "PearShop" : `${text} · PearShop`;
  if (!first) (main.querySelector("h1") ?? main).focus({ preventScroll: true });
  first = false;
}

const TABS = /** @type {const} */ ([
  ["/", "Shop", "shop"],
  ["/cart", "Cart", "cart"],
  ["/orders", "Orders", "orders"],
  ["/account", "Account", "account"],
]);
const badge = h("span", { class: "badge", "aria-hidden": "true" });
const tabs = TABS.map(([href, label, picture]) =>
  h("a", { href }, h("span", { class: "picture" }, icon(picture), href === "/cart" && badge), h("span", {}, label)),
);

function markTab() {
  for (const tab of tabs) {
    const href = tab.getAttribute("href") ?? "/";
    const here = href === "/" ? /^\/($|product)/.test(at()) : at().startsWith(href);
    if (here || (href === "/cart" && at().startsWith("/checkout"))) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
}

function countCart() {
  const count = cart.current().lines.reduce((sum, each) => sum + each.quantity, 0);
  badge.textContent = count > 99 ? "99+" : count ? String(count) : "";
  tabs[1]?.setAttribute("aria-label", count ? `Cart, ${count} in it` : "Cart, empty");
}

async function start() {
  show(/** @type {HTMLElement} */ (document.getElementById("tabs")), ...tabs);
  status.start(/** @type {HTMLElement} */ (document.getElementById("status")));
  on("cart", countCart);
  on("over", () => toast("Your session is over: sign in again. Your cart is kept.", { label: "Sign in", act: () => go("/account") }));
  on("back", () => void cart.sync());
  on("elsewhere", (name) => name === "session" && render()); // what is shown was somebody else's
  money.load();
  await cart.load();
  startRouter(render);
  await render();
  cart.sync().then(cart.refresh).catch(() => undefined);
  live.start();
  await startWorker().catch(() => undefined); // without it the app works, if not offline
}

start().catch(trouble);
