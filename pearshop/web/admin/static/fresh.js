// A part of a page that stays up to date: asked for again while somebody can see it.

import { tell } from "./progress.js";
import { times } from "./times.js";

const EVERY_MS = 4000;
let tag = "";

/** Keep the element with data-fresh, an address, up to date: every data-every milliseconds. */
export function fresh() {
  if (!document.querySelector("[data-fresh]")) return;
  let timer;
  const again = async () => {
    clearTimeout(timer);
    if (document.hidden) return;
    const place = document.querySelector("[data-fresh]");
    await renew(place);
    timer = setTimeout(again, place.dataset.every ?? EVERY_MS);
  };
  addEventListener("visibilitychange", again);
  again();
}

async function renew(place) {
  try {
    const answer = await fetch(place.dataset.fresh, {
      headers: { "X-Part": place.id, ...(tag && { "If-None-Match": tag }) },
      signal: AbortSignal.timeout(10000),
    });
    if (answer.redirected) location.assign(answer.url);
    if (answer.status !== 200 || answer.redirected) return;
    const holder = document.createElement("template");
    holder.innerHTML = (await answer.text()).trim();
    const now = holder.content.getElementById(place.id);
    if (!now) return;
    tag = answer.headers.get("ETag") ?? "";
    put(now, place);
  } catch {
    // Away for now: what is shown stays, and is asked for again.
  }
}

function put(now, place) {
  const known = Math.max(0, ...numbers(place).map(([number]) => number));
  const come = numbers(now).filter(([number]) => number > known);
  for (const [, row] of come) row.classList.add("fresh");
  for (const open of place.querySelectorAll("details[open]")) {
    now.querySelector(`#${open.id}`)?.setAttribute("open", "");
  }
  const focused = place.contains(document.activeElement) ? document.activeElement : null;
  const same = focused && [...now.querySelectorAll("a, summary")].find(
    (each) => each.outerHTML === focused.outerHTML || (focused.href && each.href === focused.href),
  );
  times(now);
  place.replaceWith(now);
  same?.focus({ preventScroll: true });
  if (come.length) tell(come.length === 1 ? "A new order came in." : `${come.length} new orders came in.`);
}

function numbers(node) {
  return [...node.querySelectorAll("[data-number]")].map((row) => [Number(row.dataset.number), row]);
}
