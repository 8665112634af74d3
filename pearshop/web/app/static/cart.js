/** The cart as this phone knows it: what the server told last, and what it has not confirmed yet. */

import { call } from "./api.js";
import { isMerging, isSignedIn, merge, token, user } from "./auth.js";
import { emit, on, tellTabs } from "./bus.js";
import { Refused, Trouble, delay, pause } from "./net.js";
import { plan, project, push, settle } from "./queue.js";
import * as store from "./store.js";

/** @typedef {import("./types.js").Cart} Cart */
/** @typedef {import("./types.js").Product} Product */
/** @typedef {import("./queue.js").Change} Change */
/** @typedef {import("./queue.js").Refusal} Refusal */

/** @typedef {Cart & {user: string}} Told `user`: the id of whose it is */

/** @type {Told} */
const EMPTY = { user: "", version: -1, lines: [], total_price: 0, notices: [] };
/** @type {Told} */
let told = EMPTY;
/** @type {Change[]} on this phone's disk */
let queue = [];
/** @type {Change[]} on their way to the disk */
let unkept = [];
/** @type {Refusal[]} */
let refused = [];
let wanted = false;
/** @type {Promise<void> | null} */
let syncing = null;

/** @returns {Cart} with what the server has not confirmed yet, and what was changed just now */
export const current = () => project(told, unkept.reduce(push, queue));

/** @returns {Cart} without what would be lost if the page ended now */
export const kept = () => project(told, queue);

/** @returns {readonly Refusal[]} what the server refused and nobody has seen yet */
export const refusals = () => refused;

/** @returns {number} changes that wait on this phone */
export const waiting = () => queue.length;

/**
 * Read what is on this phone. The cart there counts unless this tab knows a newer one, or one of
 * whoever is here now.
 * @param {boolean} anew somebody else may be here
 */
export async function load(anew = true) {
  const [cart = EMPTY, changes, unseen] = await Promise.all(["cart", "queue", "refused"].map(store.get));
  const here = user();
  const other = here === "" || cart.user === here || (anew && told.user !== here);
  if (cart.user === told.user ? cart.version > told.version : other) told = cart;
  queue = changes ?? [];
  refused = unseen ?? [];
  emit("cart");
}

/**
 * Change the cart here and now, and at the server as soon as that is possible.
 * @param {"add" | "set" | "remove"} kind
 * @param {Product} product
 * @param {number} [quantity]
 */
export async function change(kind, product, quantity = 1) {
  const wish = { id: crypto.randomUUID(), kind, product, quantity };
  unkept = [...unkept, wish];
  emit("cart");
  try {
    queue = await store.change("queue", (old) => push(old ?? [], wish));
  } finally {
    unkept = unkept.filter((each) => each !== wish);
    emit("cart");
  }
  if (kind === "add") await store.change("prices", (old) => ({ ...old, [product.id]: product.price }));
  tellTabs("changed");
  void sync();
}

/** Forget what was refused: it has been seen. */
export async function dismiss() {
  refused = [];
  await store.put("refused", refused);
  emit("cart");
  tellTabs("changed");
}

/** @returns {Promise<void>} when all that waits is confirmed, or has to wait for the network */
export function sync() {
  wanted = true;
  syncing ??= alone();
  return syncing;
}

/**
 * Send what waits.
 * @throws {Trouble} when something still waits
 */
export async function settled() {
  await sync();
  if (queue.length || (await isMerging())) throw new Trouble("Changes of the cart still wait for the network: try again.", true);
}

/** One tab at a time, and as long as somebody wants it: also who comes as the last round ends. */
async function alone() {
  try {
    while (wanted) await navigator.locks.request("pearshop-sync", attempt);
  } finally {
    syncing = null;
  }
}

async function attempt() {
  if (queue.length) emit("syncing", true);
  let failures = 0;
  try {
    while (wanted) {
      wanted = false;
      const wait = await drain();
      if (wait === null) continue;
      wanted = true;
      await pause(delay(failures++, wait));
    }
    emit("syncing", false);
  } catch (error) {
    emit("syncing", null);
    if (!(error instanceof Trouble || error instanceof Refused)) throw error;
  }
}

/** @returns {Promise<number | null>} seconds to wait before what is left is tried; `null`: done */
async function drain() {
  const merged = await merge((method, path, body) => call(method, path, { body, again: true }));
  if (merged) await hear(merged.body, merged.user);
  for (;;) {
    /** @type {Change[]} */
    let round = [];
    queue = await store.change("queue", (/** @type {Change[] | undefined} */ old) => {
      const planned = plan(old ?? [], told);
      round = planned.round;
      return planned.queue;
    });
    if (!round.length) return null;
    const calls = [...round.map((each) => each.call), { path: "/api/cart/" }];
    const answer = await call("POST", "/api/batch/", { body: { calls }, again: true, visit: true });
    const wait = await take(round, answer.body.answers, answer.user);
    if (wait !== null) return wait;
  }
}

/**
 * @param {Change[]} round
 * @param {import("./queue.js").Answer[]} answers one more than were changes: the cart
 * @param {string} whose the id of who asked
 */
async function take(round, answers, whose) {
  let outcome = settle([], round, answers);
  await store.change("queue", (/** @type {Change[] | undefined} */ old) => {
    outcome = settle(old ?? [], round, answers);
    return outcome.queue;
  });
  const cart = answers[round.length];
  queue = outcome.queue;
  if (outcome.refused.length) {
    refused = [...refused, ...outcome.refused];
    await store.change("refused", (old) => [...(old ?? []), ...outcome.refused]);
  }
  if (cart?.status === 200) await hear(cart.body, whose);
  else await refresh();
  tellTabs("changed");
  return outcome.again ? outcome.wait : null;
}

/**
 * The server's word on the cart. Word that is older than what is known counts for nothing, nor does
 * word on the cart of somebody who was here before, or on one that a visitor's has still to join.
 * @param {Cart} cart
 * @param {string} whose the id of the user
 */
export async function hear(cart, whose) {
  const waits = whose !== told.user && (await isMerging());
  const old = waits || whose !== user() || (whose === told.user && cart.version < told.version);
  if (!old) told = { ...cart, user: whose };
  emit("cart");
  if (old) return;
  await store.put("cart", told);
  await store.keepProducts(cart.lines.map((each) => each.product));
}

/** @returns {number} the version that the server told last of the cart of whoever is here */
export const version = () => (told.user === user() ? told.version : EMPTY.version);

/** Ask for the cart, if there is somebody whose cart it would be. */
export async function refresh() {
  if (!(await token())) return;
  const answer = await call("GET", "/api/cart/");
  await hear(answer.body, answer.user);
}

/** A visitor whose session has run out: the next one gets the same cart. */
async function takeAlong() {
  const lines = current().lines;
  told = EMPTY;
  queue = [];
  await store.drop("cart", "queue");
  for (const line of lines) await change("add", line.product, line.quantity);
}

/** Somebody else, or nobody, is here now. */
async function restart() {
  await load();
  if (!(await isSignedIn())) return;
  await sync();
  await refresh().catch(() => undefined);
}

on("changed", () => load(false));
on("session", restart);
on("guest-over", takeAlong);
