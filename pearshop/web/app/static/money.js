/** Prices and times as people read them. */

import { read } from "./api.js";
import * as store from "./store.js";

/** @type {import("./types.js").Shop} */
let shop = { currency: "", currency_exponent: 0 };

let loading = Promise.resolve();

/** Learn the shop's currency: from this phone at once, from the shop when that is possible. */
export const load = () => void (loading = learn());

/** @returns {Promise<void>} when prices can be shown, as well as that is possible */
export const known = () => loading;

async function learn() {
  const known = await store.get("shop");
  if (known) shop = known;
  const asked = read("/api/shop/").then((answer) => {
    shop = answer.body;
    return store.put("shop", shop);
  });
  if (!known) await asked.catch(() => undefined);
  else asked.catch(() => undefined);
}

/** @param {number} price in the shop's price unit */
export function money(price) {
  const digits = shop.currency_exponent;
  const amount = price / 10 ** digits;
  if (!shop.currency) return String(amount);
  const form = { style: "currency", currency: shop.currency, currencyDisplay: "narrowSymbol", minimumFractionDigits: digits, maximumFractionDigits: digits };
  return new Intl.NumberFormat(undefined, /** @type {Intl.NumberFormatOptions} */ (form)).format(amount);
}

/** @returns {number} decimals of a price */
export const decimals = () => shop.currency_exponent;

const TIME = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** @param {string} instant ISO 8601 */
export const time = (instant) => TIME.format(new Date(instant));

/** @param {number | null} stock */
export function stockHint(stock) {
  if (stock === null) return "";
  if (stock === 0) return "Sold out";
  return stock <= 5 ? `Only ${stock} left` : "";
}
