// The sync queue; run by tests/web/test_queue.py.
import assert from "node:assert/strict";
import { test } from "node:test";

const { MOST, ROUND, plan, project, push, settle } = await import(process.env.QUEUE);

const product = (id, price = 10) => ({ id, price, name: `P${id}`, hidden: false });
const cart = (...lines) => ({
  version: 1,
  lines: lines.map(([id, quantity]) => ({ id: id * 100, product: product(id), quantity, total_price: 10 * quantity })),
  total_price: lines.reduce((sum, [, quantity]) => sum + 10 * quantity, 0),
  notices: [],
});
let number = 0;
const wish = (kind, id, quantity = 1) => ({ id: `c${++number}`, kind, product: product(id), quantity });
const pushed = (...wishes) => wishes.reduce(push, []);
const held = (shown) => Object.fromEntries(shown.lines.map((each) => [each.product.id, each.quantity]));
const sentAll = (queue, told) => plan(queue, told);

test("quick taps become one change, none is lost", () => {
  const queue = pushed(wish("add", 1), wish("add", 1), wish("add", 1));
  assert.equal(queue.length, 1);
  assert.deepEqual(held(project(cart(), queue)), { 1: 3 });
  assert.deepEqual(sentAll(queue, cart()).round[0].call.body, { product_id: 1, quantity: 3 });
});

test("what the shop may have added already does not count twice", () => {
  const { queue } = plan(pushed(wish("add", 1, 2)), cart([1, 1]));
  assert.deepEqual(held(project(cart([1, 1]), queue)), { 1: 3 });
  assert.deepEqual(held(project(cart([1, 3]), queue)), { 1: 3 });
});

test("what was sent once is never changed", () => {
  const first = sentAll(pushed(wish("add", 1)), cart()).queue;
  const queue = push(first, wish("add", 1));
  assert.equal(queue.length, 2);
  assert.deepEqual(queue[0], first[0]);
  const again = plan(queue, cart([1, 7]));
  assert.deepEqual(again.round, [first[0]]);
});

test("a change of a product waits for the one before it", () => {
  const { queue } = sentAll(pushed(wish("add", 1), wish("add", 2)), cart());
  const next = plan(push(queue, wish("set", 1, 5)), cart());
  assert.deepEqual(next.round.map((each) => each.product.id), [1, 2]);
  const done = settle(next.queue, next.round, [{ status: 201 }, { status: 201 }]);
  const last = plan(done.queue, cart([1, 1], [2, 1]));
  assert.deepEqual(last.round[0].call, {
    method: "PATCH", path: "/api/order-item/100/", headers: { "Idempotency-Key": last.round[0].id }, body: { quantity: 5 },
  });
});

test("each call has the key of its change", () => {
  const { round } = plan(pushed(wish("add", 1), wish("remove", 2), wish("set", 3, 4)), cart([2, 1], [3, 1]));
  assert.deepEqual(round.map((each) => each.call.method), ["POST", "DELETE", "PATCH"]);
  for (const each of round) assert.equal(each.call.headers["Idempotency-Key"], each.id);
});

test("a round has room for the cart beside it", () => {
  const queue = pushed(...Array.from({ length: 30 }, (_, index) => wish("add", index + 1)));
  const first = plan(queue, cart());
  assert.equal(first.round.length, ROUND);
  const rest = settle(first.queue, first.round, first.round.map(() => ({ status: 201 })));
  assert.equal(rest.queue.length, 30 - ROUND);
});

test("what passes is kept under its key, what is refused is told", () => {
  const { queue, round } = plan(pushed(wish("add", 1), wish("add", 2), wish("add", 3)), cart());
  const answers = [{ status: 201 }, { status: 503, headers: { "retry-after": "7" } }, { status: 404, body: { detail: "No such product." } }];
  const outcome = settle(queue, round, answers);
  assert.deepEqual(outcome.queue, [round[1]]);
  assert.deepEqual([outcome.again, outcome.wait], [true, 7]);
  assert.deepEqual(outcome.refused, [{ product: product(3), detail: "No such product." }]);
});

test("an answer that never came means again", () => {
  const { queue, round } = plan(pushed(wish("add", 1)), cart());
  assert.deepEqual(settle(queue, round, []).queue, round);
  for (const status of [401, 408, 429, 500, 502]) assert.equal(settle(queue, round, [{ status }]).again, true);
});

test("what is gone already need not be removed, and is no refusal", () => {
  assert.deepEqual(plan(pushed(wish("add", 1), wish("remove", 1)), cart()), { queue: [], round: [] });
  const { queue, round } = plan(pushed(wish("remove", 1)), cart([1, 1]));
  assert.deepEqual(settle(queue, round, [{ status: 404 }]), { queue: [], refused: [], again: false, wait: 0 });
});

test("what was removed and comes back has the quantity that it comes back with", () => {
  const queue = pushed(wish("remove", 1), wish("add", 1, 2));
  assert.deepEqual(held(project(cart([1, 5]), queue)), { 1: 2 });
  assert.equal(plan(queue, cart([1, 5])).round[0].call.body.quantity, 2);
});

test("the cart is shown as it will be, and says what waits", () => {
  const shown = project(cart([1, 1], [2, 2]), pushed(wish("add", 1, 2), wish("remove", 2), wish("set", 3, 4)));
  assert.deepEqual(held(shown), { 1: 3, 3: 4 });
  assert.equal(shown.total_price, 70);
  assert.ok(shown.lines.every((each) => each.pending));
  assert.equal(project(cart(), pushed(wish("add", 1, MOST), wish("add", 1, 5))).lines[0].quantity, MOST);
});

test("a notice goes with what it was about", () => {
  const told = { ...cart([1, 5]), notices: [{ order_item_id: 100, product_id: 1, code: "out_of_stock", available: 2, detail: "" }] };
  assert.equal(project(told, pushed(wish("set", 1, 3))).notices.length, 1);
  assert.equal(project(told, pushed(wish("set", 1, 2))).notices.length, 0);
  assert.equal(project(told, pushed(wish("remove", 1))).notices.length, 0);
});

test("any interleaving of taps, losses and repeats ends as the taps say", () => {
  let seed = 7;
  const random = (below) => (seed = (seed * 48271) % 2147483647) % below;
  for (let run = 0; run < 300; run++) {
    const server = new Map();
    const answered = new Map();
    const wanted = new Map();
    const told = () => cart(...server.entries());
    let known = cart();
    let queue = [];
    const carryOut = (each) => {
      if (answered.has(each.id)) return answered.get(each.id);
      const id = each.product.id;
      const { method, body } = each.call;
      let status = 200;
      if (method === "POST") server.set(id, (server.get(id) ?? 0) + body.quantity);
      else if (!server.has(id)) status = 404;
      else if (method === "DELETE") server.delete(id);
      else server.set(id, body.quantity);
      answered.set(each.id, { status });
      return { status };
    };
    const exchange = (works) => {
      const planned = plan(queue, known);
      queue = planned.queue;
      const answers = planned.round.map((each) => {
        const luck = works ? 2 : random(3);
        if (luck === 0) return { status: 0 };
        const answer = carryOut(each);
        return luck === 1 ? { status: 0 } : answer;
      });
      queue = settle(queue, planned.round, answers).queue;
      if (answers.some((each) => each.status) || !answers.length) known = told();
    };
    for (let step = 0; step < 20; step++) {
      const id = 1 + random(3);
      const kind = ["add", "set", "remove"][random(3)];
      const quantity = 1 + random(4);
      if (kind === "add") wanted.set(id, (wanted.get(id) ?? 0) + quantity);
      else if (kind === "set") wanted.set(id, quantity);
      else wanted.delete(id);
      queue = push(queue, wish(kind, id, quantity));
      if (random(2)) exchange(false);
      if (!queue.some((each) => each.call)) assert.deepEqual(held(project(known, queue)), Object.fromEntries(wanted));
    }
    for (let round = 0; round < 20 && queue.length; round++) exchange(true);
    assert.deepEqual(queue, []);
    assert.deepEqual(Object.fromEntries([...server].sort()), Object.fromEntries([...wanted].sort()), `run ${run}`);
  }
});
