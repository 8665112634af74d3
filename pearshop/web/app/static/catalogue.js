/** The catalogue: pages as the shop tells them; without it, those that were seen before. */

import { read } from "./api.js";
import { Trouble } from "./net.js";
import * as store from "./store.js";

/** @typedef {import("./types.js").Product} Product */
/** @typedef {{search: string, category: string | null, min: string, max: string, stock: boolean, ordering: string}} Wish */
/** @typedef {{items: Product[], next: string | null, stale: boolean}} Page */

const LIMIT = 24;
const MOST_PAGES = 60;

/**
 * @param {Wish} wish
 * @returns {URLSearchParams} as the API takes it
 */
export function query(wish) {
  const query = new URLSearchParams();
  if (wish.search) query.set("search", wish.search);
  if (wish.category !== null) query.set("category", wish.category);
  if (wish.min) query.set("min_price", wish.min);
  if (wish.max) query.set("max_price", wish.max);
  if (wish.stock) query.set("in_stock", "true");
  if (wish.ordering) query.set("ordering", wish.ordering);
  return query;
}

/**
 * @param {URLSearchParams} query
 * @returns {Wish} what it says; what it says wrongly is left out
 */
export function wished(query) {
  const number = (/** @type {string} */ name) => /^\d{1,10}$/.exec(query.get(name) ?? "")?.[0] ?? "";
  return {
    search: query.get("search") ?? "",
    category: query.get("category"),
    min: number("min_price"),
    max: number("max_price"),
    stock: query.get("in_stock") === "true",
    ordering: query.get("ordering") ?? "",
  };
}

/**
 * @param {Wish} wish
 * @returns {string} the address of its first page
 */
export function address(wish) {
  const first = query(wish);
  first.set("limit", String(LIMIT));
  return `/api/product/?${first}`;
}

/**
 * @param {string} path
 * @returns {Promise<Page | null>} a page as it was seen last
 */
export async function seen(path) {
  const kept = await store.get(`page ${path}`);
  return kept ? { ...kept, stale: true } : null;
}

/**
 * @param {string} path
 * @param {AbortSignal} signal
 * @returns {Promise<Page>}
 */
export async function page(path, signal) {
  const answer = await read(path, signal);
  const link = answer.headers.get("link") ?? "";
  const next = /<([^>]+)>;\s*rel="?next"?/.exec(link)?.[1] ?? null;
  const found = { items: answer.body, next: next && relative(next) };
  void store.keepProducts(found.items);
  void keep(path, found);
  return { ...found, stale: false };
}

/**
 * Keep a page as it was seen; those that were seen longest ago go.
 * @param {string} path
 * @param {{items: Product[], next: string | null}} found
 */
async function keep(path, found) {
  await store.put(`page ${path}`, found);
  /** @type {string[]} */
  let over = [];
  await store.change("pages", (/** @type {string[] | undefined} */ old) => {
    const all = [...(old ?? []).filter((each) => each !== path), path];
    over = all.slice(0, -MOST_PAGES);
    return all.slice(-MOST_PAGES);
  });
  if (over.length) await store.drop(...over.map((each) => `page ${each}`));
}

/** @param {string} link */
function relative(link) {
  const url = new URL(link, location.href);
  return url.pathname + url.search;
}

/**
 * What is known on this phone of a wish that was never answered.
 * @param {Wish} wish
 * @returns {Promise<Page>}
 */
export async function guess(wish) {
  const words = wish.search.toLowerCase().split(/\s+/).filter(Boolean);
  const items = (await store.products()).filter((each) => {
    const text = `${each.name} ${each.description}`.toLowerCase();
    return (
      !each.hidden &&
      words.every((word) => text.includes(word)) &&
      (wish.category === null || each.category === wish.category) &&
      (!wish.min || each.price >= Number(wish.min)) &&
      (!wish.max || each.price <= Number(wish.max)) &&
      (!wish.stock || each.stock !== 0)
    );
  });
  return { items, next: null, stale: true };
}

/** @returns {Promise<{name: string, products: number}[]>} */
export async function categories() {
  try {
    const found = (await read("/api/category/")).body;
    void store.put("categories", found);
    return found;
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
    return (await store.get("categories")) ?? [];
  }
}

/**
 * @param {number} id
 * @param {AbortSignal} signal
 * @returns {Promise<Product>}
 */
export async function product(id, signal) {
  const found = (await read(`/api/product/${id}/`, signal)).body;
  void store.keepProducts([found]);
  return found;
}
