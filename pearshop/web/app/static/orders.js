/** Orders: those of the past, and the one that is being placed. */

import { call } from "./api.js";
import { user } from "./auth.js";
import * as cart from "./cart.js";
import { Refused, Trouble } from "./net.js";
import * as store from "./store.js";

/** @typedef {import("./types.js").Order} Order */
/** @typedef {{key: string, body: {delivery_address: string, order_item_ids: number[], expected_total_price: number}}} Pending */

const LIMIT = 20;
const ADDRESSES = 3;
/** Answers after which an order is not placed, and never will be under its key. */
const FINAL = (/** @type {number} */ status) => status >= 400 && status < 500 && ![401, 408, 425, 429].includes(status);

/** @returns {Promise<Order[]>} those that were seen before */
export const seen = async () => (await store.get("orders")) ?? [];

/**
 * @param {string | null} path of a page; `null`: the first one
 * @returns {Promise<{orders: Order[], next: string | null}>}
 */
export async function page(path) {
  const answer = await call("GET", path ?? `/api/order/?limit=${LIMIT}`);
  const link = /<([^>]+)>;\s*rel="?next"?/.exec(answer.headers.get("link") ?? "")?.[1];
  const url = link && new URL(link, location.href);
  if (!path && answer.user === user()) await store.put("orders", answer.body);
  return { orders: answer.body, next: url ? url.pathname + url.search : null };
}

/**
 * @param {number} id
 * @returns {Promise<Order>}
 */
export async function one(id) {
  const answer = await call("GET", `/api/order/${id}/`);
  const found = answer.body;
  if (answer.user !== user()) return found; // they signed out meanwhile
  await store.change("orders", (/** @type {Order[] | undefined} */ old) => {
    const others = (old ?? []).filter((each) => each.id !== id);
    return [...others, found].toSorted((a, b) => b.id - a.id);
  });
  return found;
}

/** @param {number} id */
export const cancel = async (id) => (await call("POST", `/api/order/${id}/cancel/`, { again: true })).body;

/** @param {Order} order */
export async function again(order) {
  for (const line of order.order_items) await cart.change("add", line.product, line.quantity);
}

/** @returns {Promise<string[]>} where things were sent to, the last one first */
export async function addresses() {
  const kept = (await store.get("addresses")) ?? [];
  const used = (await seen()).map((each) => each.delivery_address);
  return [...new Set([...kept, ...used])].slice(0, ADDRESSES);
}

/** @returns {Promise<Pending | undefined>} an order that was sent and of which nothing is known */
export const pending = () => store.get("pendingOrder");

/**
 * Order the whole cart. What is sent is kept first, so whatever happens on the way it is sent again
 * under its key, and there is one order.
 * @param {string} address
 * @param {number} total that was shown
 * @returns {Promise<Order>}
 */
export async function place(address, total) {
  await cart.settled();
  const { lines } = cart.current();
  const wish = {
    key: crypto.randomUUID(),
    body: { delivery_address: address, order_item_ids: lines.map((each) => each.id), expected_total_price: total },
  };
  await store.change("pendingOrder", (/** @type {Pending | undefined} */ old) => old ?? wish);
  return finish();
}

/**
 * Send the order that is pending.
 * @returns {Promise<Order>}
 * @throws {Refused} when it will not be placed; it is forgotten
 * @throws {Trouble} when it is not known; it stays pending
 */
export async function finish() {
  const wish = await pending();
  if (!wish) throw new Trouble("There is no order on its way.", false);
  try {
    const answer = await call("POST", "/api/order/", { body: wish.body, key: wish.key });
    await forget(wish);
    if (answer.user !== user()) return answer.body;
    await store.change("addresses", (/** @type {string[] | undefined} */ old) => [...new Set([wish.body.delivery_address, ...(old ?? [])])].slice(0, ADDRESSES));
    cart.refresh().catch(() => undefined);
    return answer.body;
  } catch (error) {
    if (error instanceof Refused && FINAL(error.status)) await forget(wish);
    throw error;
  }
}

/** @param {Pending} wish which is not pending any more; another one may be by now */
const forget = (wish) =>
  store.change("pendingOrder", (/** @type {Pending | undefined} */ now) => (now?.key === wish.key ? undefined : now));
