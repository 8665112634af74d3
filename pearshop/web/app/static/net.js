/** Calls that are sent again until they are answered, or until it is clear that they will not be. */

import { emit } from "./bus.js";

/** @typedef {{status: number, headers: Headers, body: any}} Answer */
/** @typedef {{body?: unknown, key?: string, token?: string | null, again?: boolean, tries?: number,
 *   headers?: Record<string, string>, signal?: AbortSignal}} Options
 *   `again`: it may be sent again, whatever its method is */

const BASE_MS = 300;
const CAP_MS = 8_000;
const TIMEOUT_MS = 12_000;
const TRIES = 5;
const PASSING = new Set([408, 425, 429, 502, 503, 504]);
const REPEATABLE = new Set(["GET", "PUT", "DELETE"]);

/** The shop could not be reached, or would not answer. Nothing is lost: the call may be tried again. */
export class Trouble extends Error {
  /**
   * @param {string} message
   * @param {boolean} offline
   */
  constructor(message, offline) {
    super(message);
    this.offline = offline;
  }
}

/** What the shop refused, in its own words. */
export class Refused extends Error {
  /** @param {Answer} answer */
  constructor(answer) {
    super(sentence(answer.body?.detail) ?? `The shop answered ${answer.status}.`);
    this.status = answer.status;
    this.code = answer.body?.code ?? "";
    this.body = answer.body ?? {};
  }
}

/**
 * @param {string | undefined} detail
 * @returns {string | undefined} "new_password: must have …" as people say it
 */
function sentence(detail) {
  return detail?.replace(/^([a-z])([a-z_]*): /, (_, first, rest) => `${first.toUpperCase()}${rest.replaceAll("_", " ")} `);
}

/**
 * @param {number} attempt from 0
 * @param {number} least seconds that the shop asked for
 * @param {() => number} [random]
 * @returns {number} milliseconds: exponential with full jitter, no less than asked for
 */
export function delay(attempt, least, random = Math.random) {
  return least * 1_000 + random() * Math.min(CAP_MS, BASE_MS * 2 ** attempt);
}

/**
 * @param {number} milliseconds
 * @param {AbortSignal} [signal]
 */
export function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => (clearTimeout(timer), reject(signal.reason)), { once: true });
  });
}

/**
 * @param {string} method
 * @param {string} path
 * @param {Options} [options]
 * @returns {Promise<Answer>} whatever the shop answers for good
 * @throws {Trouble} when it does not
 */
export async function send(method, path, options = {}) {
  const may = options.again || options.key !== undefined || REPEATABLE.has(method);
  const tries = may ? (options.tries ?? TRIES) : 1;
  for (let attempt = 0; ; attempt++) {
    const answer = await once(method, path, options);
    if (answer && !PASSING.has(answer.status)) return answer;
    if (attempt + 1 >= tries || !navigator.onLine) throw trouble(answer);
    const least = Number(answer?.headers.get("retry-after")) || 0;
    await pause(delay(attempt, Math.min(least, 30)), options.signal);
  }
}

/**
 * @param {string} method
 * @param {string} path
 * @param {Options} options
 * @returns {Promise<Answer | null>} `null`: no answer came
 */
async function once(method, path, { body, key, token, headers = {}, signal }) {
  const sent = new Headers(headers);
  if (body !== undefined) sent.set("Content-Type", "application/json");
  if (key !== undefined) sent.set("Idempotency-Key", key);
  if (token) sent.set("Authorization", `Bearer ${token}`);
  const ended = AbortSignal.timeout(TIMEOUT_MS);
  try {
    const response = await fetch(path, {
      method,
      headers: sent,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, ended]) : ended,
    });
    const text = await response.text();
    emit("reached", true);
    return { status: response.status, headers: response.headers, body: parsed(text) };
  } catch (error) {
    if (signal?.aborted) throw error;
    emit("reached", false);
    return null;
  }
}

/** @param {string} text */
function parsed(text) {
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}

/**
 * @param {Answer | null} answer
 * @returns {Trouble}
 */
function trouble(answer) {
  if (answer) return new Trouble(answer.body?.detail ?? "The shop is busy: try again in a moment.", false);
  return new Trouble("The shop cannot be reached: check the connection, then try again.", true);
}
