/** What parts of the app tell each other, in this tab and in the others. */

const target = new EventTarget();
const tabs = new BroadcastChannel("pearshop");
tabs.onmessage = (/** @type {MessageEvent<string>} */ message) => {
  emit("elsewhere", message.data);
  emit(message.data);
};

/**
 * @param {string} name
 * @param {(detail: any) => void} listener
 * @param {AbortSignal} [signal] ends it
 */
export function on(name, listener, signal) {
  target.addEventListener(name, (event) => listener(/** @type {CustomEvent} */ (event).detail), { signal });
}

/**
 * @param {string} name
 * @param {unknown} [detail]
 */
export function emit(name, detail) {
  target.dispatchEvent(new CustomEvent(name, { detail }));
}

/** @param {string} name said in every tab */
export function emitEverywhere(name) {
  emit(name);
  tabs.postMessage(name);
}

/** @param {string} name said in the other tabs only */
export const tellTabs = (name) => tabs.postMessage(name);
