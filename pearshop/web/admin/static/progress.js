// Whatever takes longer than a moment shows that it is under way.

const AFTER_MS = 80;
const bar = document.getElementById("busy");
const live = document.getElementById("live");
let waiting = 0;
let timer;

/** Have a screen reader say something. */
export function tell(text) {
  live.textContent = "";
  setTimeout(() => (live.textContent = text), 50);
}

/** Show that something began. */
export function begin() {
  waiting += 1;
  clearTimeout(timer);
  timer = setTimeout(() => {
    bar.hidden = waiting === 0;
    if (waiting) tell("Working …");
  }, AFTER_MS);
}

/** Show that it ended. */
export function end() {
  waiting = Math.max(0, waiting - 1);
  if (waiting === 0) {
    clearTimeout(timer);
    bar.hidden = true;
  }
}

/** Show it for pages that are left; a form is sent once, however often its button is pressed. */
export function progress() {
  addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    const plain = !event.defaultPrevented && event.button === 0;
    if (!link || !plain || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    if (link.target || link.hasAttribute("download") || link.origin !== location.origin || link.getAttribute("href").startsWith("#")) return;
    begin();
  });
  addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented) return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    form.setAttribute("aria-busy", "true");
    begin();
  });
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    waiting = 0;
    end();
    for (const form of document.querySelectorAll("[data-sent]")) {
      delete form.dataset.sent;
      form.removeAttribute("aria-busy");
    }
  });
}
