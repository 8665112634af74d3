/** Calls of the shop in somebody's name. */

import { renew, token, userOf } from "./auth.js";
import { Refused, send } from "./net.js";

/** @typedef {import("./net.js").Answer & {user: string}} Answer `user`: the id of who asked */
/** @typedef {import("./net.js").Options & {visit?: boolean}} Options `visit`: as a visitor if need be */

/**
 * @param {string} method
 * @param {string} path
 * @param {Options} [options]
 * @returns {Promise<Answer>} below 400
 * @throws {Refused} {@link import("./net.js").Trouble}
 */
export async function call(method, path, { visit, ...options } = {}) {
  let bearer = await token(visit);
  let answer = await send(method, path, { ...options, token: bearer });
  if (answer.status === 401 && bearer) {
    const fresh = await renew(bearer);
    if (fresh) answer = await send(method, path, { ...options, token: (bearer = fresh) });
  }
  if (answer.status >= 400) throw new Refused(answer);
  return { ...answer, user: userOf(bearer) };
}

/**
 * Something of the catalogue, which is everybody's, so caches on the way may have it.
 * @param {string} path
 * @param {AbortSignal} [signal]
 * @returns {Promise<import("./net.js").Answer>}
 */
export async function read(path, signal) {
  const answer = await send("GET", path, { signal });
  if (answer.status >= 400) throw new Refused(answer);
  return answer;
}
