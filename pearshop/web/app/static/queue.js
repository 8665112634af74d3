/**
 * The sync queue: changes of the cart that the server has not confirmed. Pure: it knows neither
 * network nor clock, and no list given to it is changed.
 *
 * A change that was sent once never becomes another one, for the server knows it by its id; what
 * was not sent yet is joined with the next change of the same product. A round holds at most one
 * change of each product, so the order in which its calls are done does not matter even where one
 * of them has to be sent again.
 */

/** @typedef {import("./types.js").Product} Product */
/** @typedef {import("./types.js").Cart} Cart */
/** @typedef {import("./types.js").Line} Line */
/** @typedef {{method: string, path: string, headers: Record<string, string>,
 *   body: Record<string, unknown> | null}} Call */
/** @typedef {{id: string, kind: "add" | "set" | "remove", product: Product, quantity: number,
 *   call?: Call, base?: number}} Change `call`: as it was sent first, when there were `base` pieces */
/** @typedef {{status: number, headers?: Record<string, string>, body?: any}} Answer */
/** @typedef {{product: Product, detail: string}} Refusal */

export const ROUND = 19;
export const MOST = 10_000;
const PASSING = new Set([0, 401, 408, 425, 429]);

/**
 * @param {readonly Change[]} queue
 * @param {Change} wish
 * @returns {Change[]} the queue with one more change
 */
export function push(queue, wish) {
  const last = queue.findLastIndex((each) => each.product.id === wish.product.id);
  const before = queue[last];
  if (!before || before.call) return [...queue, wish];
  return queue.with(last, join(before, wish));
}

/**
 * @param {Change} before
 * @param {Change} wish
 * @returns {Change} both as one
 */
function join(before, wish) {
  const product = wish.product;
  if (wish.kind === "add" && before.kind !== "remove") {
    return { ...before, product, quantity: Math.min(before.quantity + wish.quantity, MOST) };
  }
  if (wish.kind === "add") return { ...before, kind: "set", product, quantity: wish.quantity };
  return { ...before, kind: wish.kind, product, quantity: wish.quantity };
}

/**
 * @param {readonly Change[]} queue
 * @param {Cart} cart as the server told last
 * @returns {{queue: Change[], round: Change[]}} the queue without what has become of no use, and
 *   what to send next, each with its call
 */
export function plan(queue, cart) {
  const taken = new Set();
  /** @type {Change[]} */
  const round = [];
  /** @type {Change[]} */
  const kept = [];
  for (const each of queue) {
    if (round.length >= ROUND || taken.has(each.product.id)) {
      kept.push(each);
      taken.add(each.product.id);
      continue;
    }
    const line = lineOf(cart, each.product.id);
    const call = each.call ?? callOf(each, line);
    if (!call) continue;
    const sent = each.call ? each : { ...each, call, base: line?.quantity ?? 0 };
    taken.add(each.product.id);
    round.push(sent);
    kept.push(sent);
  }
  return { queue: kept, round };
}

/**
 * @param {Cart} cart
 * @param {number} product
 * @returns {Line | undefined}
 */
function lineOf(cart, product) {
  return cart.lines.find((each) => each.product.id === product);
}

/**
 * @param {Change} change
 * @param {Line | undefined} line
 * @returns {Call | null} `null`: there is nothing to do
 */
function callOf(change, line) {
  const { id, kind, product, quantity } = change;
  const headers = { "Idempotency-Key": id };
  if (kind === "remove") {
    return line ? { method: "DELETE", path: `/api/order-item/${line.id}/`, headers, body: null } : null;
  }
  if (kind === "set" && line) {
    return { method: "PATCH", path: `/api/order-item/${line.id}/`, headers, body: { quantity } };
  }
  return { method: "POST", path: "/api/order-item/", headers, body: { product_id: product.id, quantity } };
}

/**
 * @param {readonly Change[]} queue
 * @param {readonly Change[]} round what was sent
 * @param {readonly Answer[]} answers one for each
 * @returns {{queue: Change[], refused: Refusal[], again: boolean, wait: number}} `again`: something
 *   has to be sent again, `wait` seconds from now at the earliest
 */
export function settle(queue, round, answers) {
  const done = new Set();
  /** @type {Refusal[]} */
  const refused = [];
  let again = false;
  let wait = 0;
  round.forEach((each, index) => {
    const answer = answers[index] ?? { status: 0 };
    if (answer.status >= 500 || PASSING.has(answer.status)) {
      again = true;
      wait = Math.max(wait, Number(answer.headers?.["retry-after"]) || 0);
      return;
    }
    done.add(each.id);
    const gone = each.kind === "remove" && answer.status === 404;
    if (answer.status >= 400 && !gone) {
      refused.push({ product: each.product, detail: answer.body?.detail ?? "The shop refused it." });
    }
  });
  return { queue: queue.filter((each) => !done.has(each.id)), refused, again, wait };
}

/**
 * @param {Cart} cart as the server told last
 * @param {readonly Change[]} queue
 * @returns {Cart} the cart as it will be
 */
export function project(cart, queue) {
  if (!queue.length) return cart;
  let lines = cart.lines;
  for (const { kind, product, quantity, base } of queue) {
    const line = lines.find((each) => each.product.id === product.id);
    if (kind === "remove") {
      lines = lines.filter((each) => each !== line);
    } else if (line) {
      const more = Math.min(kind === "add" ? added(line.quantity, quantity, base) : quantity, MOST);
      lines = lines.map((each) => (each === line ? lined(line.id, line.product, more) : each));
    } else {
      lines = [...lines, lined(-product.id, product, quantity)];
    }
  }
  const told = new Map(cart.lines.map((each) => [each.id, each.quantity]));
  const notices = cart.notices.filter((notice) => {
    const line = lines.find((each) => each.id === notice.order_item_id);
    return line && (told.get(line.id) === line.quantity || line.quantity > notice.available);
  });
  const total = lines.reduce((sum, each) => sum + (each.product.hidden ? 0 : each.total_price), 0);
  return { version: cart.version, lines, notices, total_price: total };
}

/**
 * @param {number} now
 * @param {number} more
 * @param {number} [base] the number when more were asked for: the shop may have added them already
 */
function added(now, more, base) {
  return base === undefined ? now + more : Math.max(now, base + more);
}

/**
 * @param {number} id
 * @param {Product} product
 * @param {number} quantity
 * @returns {Line}
 */
function lined(id, product, quantity) {
  return { id, product, quantity, total_price: product.price * quantity, pending: true };
}
