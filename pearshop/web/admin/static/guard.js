// Nobody loses what they typed by a slip: leaving a changed form is asked about.

/** Watch the forms with data-guard. */
export function guard() {
  let changed = false;
  for (const form of document.querySelectorAll("form[data-guard]")) {
    form.addEventListener("input", () => (changed = true));
    form.addEventListener("submit", () => (changed = false));
  }
  addEventListener("beforeunload", (event) => {
    if (changed) event.preventDefault();
  });
}
