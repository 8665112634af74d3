/** Addresses without loading pages anew. */

/** @type {() => void} */
let turn = () => undefined;

/** @returns {string} the present path */
export const at = () => location.pathname;

/**
 * @param {string} path
 * @param {{replace?: boolean}} [how]
 */
export function go(path, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"]({ inside: true }, "", path);
  turn();
}

/** Go back, or where there is no way back within the app, there. */
export function back(/** @type {string} */ otherwise) {
  if (history.state?.inside) history.back();
  else go(otherwise, { replace: true });
}

/** @param {() => void} render */
export function startRouter(render) {
  turn = render;
  history.scrollRestoration = "manual";
  window.addEventListener("popstate", render);
  document.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
    if (link.origin !== location.origin || link.hash || link.target || link.pathname === "/docs") return;
    event.preventDefault();
    go(link.pathname + link.search);
  });
}
