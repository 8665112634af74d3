// Forms with data-swap are sent aside; the answer takes the place of the element of that id.

import { begin, end, tell } from "./progress.js";
import { times } from "./times.js";

/** Have such forms sent aside. */
export function swap() {
  addEventListener("input", (event) => {
    const form = event.target.form;
    if (form?.dataset.swap) form.classList.add("dirty");
  });
  addEventListener("submit", (event) => {
    if (!event.target.dataset.swap) return;
    event.preventDefault();
    send(event.target);
  }, true);
}

async function send(form) {
  if (form.dataset.sent) return;
  form.dataset.sent = "yes";
  const place = document.getElementById(form.dataset.swap);
  const focused = place.contains(document.activeElement) ? document.activeElement.name : null;
  place.setAttribute("aria-busy", "true");
  begin();
  try {
    const answer = await fetch(form.action, {
      method: "POST",
      body: new URLSearchParams(new FormData(form)),
      headers: { "X-Part": place.id },
      signal: AbortSignal.timeout(15000),
    });
    if (answer.redirected) {
      location.assign(answer.url);
      return;
    }
    const holder = document.createElement("template");
    holder.innerHTML = (await answer.text()).trim();
    const fresh = holder.content.getElementById(place.id);
    if (!fresh) throw new Error(`answered ${answer.status}`);
    times(holder.content);
    place.replaceWith(fresh);
    tell(fresh.dataset.said ?? "");
    const wrong = fresh.querySelector("[aria-invalid]");
    const same = focused ? fresh.querySelector(`[name="${CSS.escape(focused)}"]`) : null;
    (wrong ?? same ?? fresh.querySelector("input:not([type=hidden])"))?.focus();
  } catch {
    place.classList.add("wrong");
    let said = place.querySelector(".problem");
    if (!said) {
      said = document.createElement("p");
      said.className = "problem";
      form.after(said);
    }
    said.textContent = "Not saved: the shop could not be reached. Look whether you are online, then save again.";
    tell(said.textContent);
  } finally {
    delete form.dataset.sent;
    place.removeAttribute("aria-busy");
    end();
  }
}
