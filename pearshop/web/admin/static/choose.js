// Boxes in a list: all at once, and how many are ticked.

import { tell } from "./progress.js";

/** Wire each box that stands for all of a name. */
export function choose() {
  for (const all of document.querySelectorAll("[data-all]")) {
    const name = all.dataset.all;
    const boxes = () => [...document.querySelectorAll(`input[type=checkbox][name="${name}"]`)];
    const counts = document.querySelectorAll(`[data-count="${name}"]`);
    const show = (speak) => {
      const ticked = boxes().filter((each) => each.checked).length;
      const text = ticked ? `${ticked} chosen` : "None chosen";
      for (const each of counts) {
        each.textContent = text;
        each.closest(".tray")?.classList.toggle("some", ticked > 0);
      }
      all.checked = ticked > 0 && ticked === boxes().length;
      all.indeterminate = ticked > 0 && !all.checked;
      if (speak) tell(text);
    };
    all.addEventListener("change", () => {
      for (const each of boxes()) each.checked = all.checked;
      show(true);
    });
    addEventListener("change", (event) => {
      if (event.target.name === name) show(true);
    });
    addEventListener("pageshow", () => show(false));
    show(false);
  }
}
