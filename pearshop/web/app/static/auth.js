/**
 * Who this is. An account's refresh token is in a cookie that no script can read, its access token
 * in memory. A visitor's refresh token opens nothing but a nameless cart, and has to outlive the
 * sign-in that gives that cart away: it is kept with the cart.
 */

import { emit, emitEverywhere, on } from "./bus.js";
import { Refused, send } from "./net.js";
import * as store from "./store.js";

/** @typedef {{kind: "guest", refresh: string} | {kind: "account", username: string, over?: boolean}} Session */

const SESSION = "session";
const MERGING = "merging";
const OWN = ["cart", "queue", "orders", "pendingOrder", "prices", "refused", "addresses", MERGING];

let access = "";
/** @type {Promise<string> | null} */
let renewing = null;

/** @returns {Promise<Session | undefined>} */
export const session = () => store.get(SESSION);

/** @returns {Promise<boolean>} whether somebody is signed in, as far as is known here */
export async function isSignedIn() {
  const known = await session();
  return known?.kind === "account" && !known.over;
}

/**
 * @param {boolean} visit make a visitor of somebody who is nobody yet
 * @returns {Promise<string>} an access token; empty: nobody is signed in
 */
export async function token(visit = false) {
  if (access) return access;
  const known = await session();
  if (known && !(known.kind === "account" && known.over)) return renew();
  return visit && !known ? becomeGuest() : "";
}

/**
 * @param {string} [bad] a token that the shop refused
 * @returns {Promise<string>} another one; empty: the session is over
 */
export function renew(bad) {
  if (bad && access && access !== bad) return Promise.resolve(access);
  renewing ??= refresh().finally(() => (renewing = null));
  return renewing;
}

async function refresh() {
  const known = await session();
  if (!known) return "";
  const body = known.kind === "guest" ? { refresh: known.refresh } : {};
  const answer = await send("POST", "/api/token/refresh/", { body, again: true });
  access = answer.status === 200 ? answer.body.access : "";
  if (!access) await end(known);
  return access;
}

/** @param {Session} known whose session the shop has ended */
async function end(known) {
  if (known.kind === "account") await store.put(SESSION, { ...known, over: true });
  else await store.drop(SESSION);
  emitEverywhere(known.kind === "account" ? "over" : "guest-over");
}

async function becomeGuest() {
  const answer = await send("POST", "/api/guest/", { body: {}, again: true });
  if (answer.status !== 201) throw new Refused(answer);
  await store.put(SESSION, { kind: "guest", refresh: answer.body.refresh });
  access = answer.body.access;
  emit("guest");
  return access;
}

/**
 * @param {string} username
 * @param {string} password
 * @throws {Refused}
 */
export async function signIn(username, password) {
  const body = { username, password, cookie: true };
  const answer = await send("POST", "/api/login/", { body, again: true });
  if (answer.status !== 200) throw new Refused(answer);
  const before = await session();
  if (before?.kind === "guest") await store.put(MERGING, before.refresh);
  else if (before && before.username !== username) await store.drop(...OWN);
  await store.put(SESSION, { kind: "account", username });
  access = answer.body.access;
  emitEverywhere("session");
}

/**
 * Give the cart of the visitor that somebody was to their account, if that has not been done.
 * A visitor whose session ran out meanwhile, or whose cart went elsewhere, has none to give.
 * @param {(method: string, path: string, body: unknown) => Promise<import("./net.js").Answer>} call
 * @returns {Promise<import("./types.js").Cart | null>} the account's cart with it
 */
export async function merge(call) {
  const guest = await store.get(MERGING);
  if (!guest) return null;
  let cart = null;
  try {
    cart = (await call("POST", "/api/cart/merge/", { guest })).body;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
  }
  await store.drop(MERGING);
  return cart;
}

/**
 * Make an account and sign in. A name that is taken may be ours: an answer was lost before.
 * @param {string} username
 * @param {string} password
 * @throws {Refused}
 */
export async function register(username, password) {
  const answer = await send("POST", "/api/register/", { body: { username, password }, again: true });
  const taken = answer.body?.code === "username_taken";
  if (answer.status !== 201 && !taken) throw new Refused(answer);
  try {
    await signIn(username, password);
  } catch (error) {
    throw taken && error instanceof Refused ? new Refused(answer) : error;
  }
}

/** Forget who this was, on this phone and at the shop. */
export async function signOut() {
  const bearer = await token();
  if (bearer) await send("POST", "/api/logout/", { token: bearer, again: true });
  access = "";
  await store.drop(SESSION, ...OWN);
  emitEverywhere("session");
}

/** In another tab: its token is not ours. */
on("elsewhere", (name) => name === "session" && (access = ""));
