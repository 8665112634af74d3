/**
 * Who this is. An account's refresh token is in a cookie that no script can read, its access token
 * in memory. A visitor's refresh token opens nothing but a nameless cart, and has to outlive the
 * sign-in that gives that cart away: it is kept with the name of the account, until that has the cart.
 */

import { emit, emitEverywhere, on, tellTabs } from "./bus.js";
import { Refused, send } from "./net.js";
import * as store from "./store.js";

/** @typedef {{kind: "guest", refresh: string} |
 *   {kind: "account", username: string, over?: boolean, guest?: string}} Session
 *   `guest`: the refresh token of the visitor that they were, whose cart is not theirs yet */

const SESSION = "session";
const OWN = ["cart", "queue", "orders", "pendingOrder", "prices", "refused", "addresses"];

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

/** @returns {Promise<boolean>} whether a visitor's cart waits to become an account's */
export async function isMerging() {
  const known = await session();
  return known?.kind === "account" && known.guest !== undefined;
}

/**
 * @param {string} token
 * @returns {string} the id of the user whose it is; empty: there is no token
 */
export function userOf(token) {
  const claims = token.split(".")[1];
  return claims ? JSON.parse(atob(claims.replaceAll("-", "+").replaceAll("_", "/"))).sub : "";
}

/** @returns {string} the id of the user in whose name this tab asks; empty: not known, or nobody */
export const user = () => userOf(access);

/**
 * @param {Session | undefined} one
 * @param {Session | undefined} other
 */
function isSame(one, other) {
  const names = [one, other].map((each) => (each?.kind === "guest" ? each.refresh : each?.username));
  return one?.kind === other?.kind && names[0] === names[1];
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
  if (!isSame(known, await session())) return access; // of whoever came meanwhile
  access = answer.status === 200 ? answer.body.access : "";
  if (!access) await end(known);
  return access;
}

/** @param {Session} known whose session the shop has ended; the first tab to hear of it tells */
async function end(known) {
  let first = false;
  await store.change(SESSION, (/** @type {Session | undefined} */ now) => {
    first = isSame(known, now) && !(now?.kind === "account" && now.over);
    if (!first) return now;
    return now?.kind === "account" ? { ...now, over: true } : undefined;
  });
  if (!first) return;
  if (known.kind === "account") return emitEverywhere("over");
  emit("guest-over");
  tellTabs("session");
}

async function becomeGuest() {
  const answer = await send("POST", "/api/guest/", { body: {}, again: true });
  if (answer.status !== 201) throw new Refused(answer);
  await store.put(SESSION, { kind: "guest", refresh: answer.body.refresh });
  access = answer.body.access;
  emitEverywhere("guest");
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
  /** @type {Session} whose cart comes along is kept with who they are: nobody sees one without the other */
  const now = { kind: "account", username };
  if (before?.kind === "guest") now.guest = before.refresh;
  else if (before?.username === username) now.guest = before.guest;
  else if (before) await store.drop(...OWN);
  await store.put(SESSION, now);
  access = answer.body.access;
  emitEverywhere("session");
}

/**
 * Give the cart of the visitor that somebody was to their account, if that has not been done.
 * A visitor whose session ran out meanwhile, or whose cart went elsewhere, has none to give.
 * @template Answer
 * @param {(method: string, path: string, body?: unknown) => Promise<Answer>} call
 * @returns {Promise<Answer | null>} the account's cart after that; `null`: there was nothing to do
 */
export async function merge(call) {
  const known = await session();
  if (known?.kind !== "account" || known.over || known.guest === undefined) return null;
  if (user() === userOf(known.guest)) access = ""; // it was another tab that signed in
  const answer = await call("POST", "/api/cart/merge/", { guest: known.guest }).catch(async (error) => {
    if (!(error instanceof Refused && (await isSignedIn()))) throw error;
    return call("GET", "/api/cart/");
  });
  await store.change(SESSION, (/** @type {Session | undefined} */ now) =>
    now?.kind === "account" && now.guest === known.guest ? { ...now, guest: undefined } : now,
  );
  return answer;
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
