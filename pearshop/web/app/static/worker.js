/** Keeps the app on the phone, and tells when a newer one is there. */

import { toast } from "./toast.js";

/** Register the service worker. */
export async function start() {
  if (!("serviceWorker" in navigator)) return; // a page that is not served securely has none
  let controlled = navigator.serviceWorker.controller !== null;
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    if (controlled) location.reload(); // the files of this version are gone; the first one takes nothing away
    controlled = true;
  });
  const registered = await navigator.serviceWorker.register("/sw.js", { updateViaCache: "none" });
  const offer = () => {
    if (!registered.waiting || !navigator.serviceWorker.controller) return;
    const act = () => registered.waiting?.postMessage("take over");
    toast("There is a new version of the shop.", { label: "Update", act, stays: true });
  };
  registered.addEventListener("updatefound", () => {
    const coming = registered.installing;
    coming?.addEventListener("statechange", () => coming.state === "installed" && offer());
  });
  offer();
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) registered.update().catch(() => undefined);
  });
}
