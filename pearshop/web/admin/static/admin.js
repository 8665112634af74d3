// What scripts add to pages that work without them.

import { choose } from "./choose.js";
import { fresh } from "./fresh.js";
import { guard } from "./guard.js";
import { picture } from "./picture.js";
import { progress } from "./progress.js";
import { swap } from "./swap.js";
import { times } from "./times.js";

document.documentElement.classList.add("scripted");
times(document);
progress();
swap();
guard();
choose();
fresh();
picture();

for (const each of document.querySelectorAll("[data-print]")) {
  each.addEventListener("click", () => window.print());
}
document.querySelector("[data-focus]")?.focus();
