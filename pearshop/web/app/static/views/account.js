/** The account: sign up, sign in, sign out, the password, sessions on other devices. */

import * as auth from "../auth.js";
import * as cart from "../cart.js";
import { call } from "../api.js";
import { on } from "../bus.js";
import { h, show } from "../dom.js";
import { time } from "../money.js";
import { Refused } from "../net.js";
import { field } from "../parts.js";
import { go } from "../router.js";
import { toast, trouble } from "../toast.js";

/** @type {import("../types.js").View} */
export async function view(root, signal) {
  const put = async () => {
    const known = await auth.session();
    if (signal.aborted) return;
    if (known?.kind === "account" && !known.over) inside(root, known.username, signal);
    else outside(root, known?.kind === "account" ? known.username : "");
  };
  on("session", put, signal);
  on("over", put, signal);
  await put();
  return "Account";
}

/** @param {string} autocomplete @param {Record<string, unknown>} [more] */
const secret = (autocomplete, more = {}) => h("input", { type: "password", required: true, autocomplete, ...more });

/**
 * @param {HTMLElement} root
 * @param {string} username
 */
function outside(root, username) {
  const name = h("input", { required: true, autocomplete: "username", autocapitalize: "none", spellcheck: "false", value: username });
  const password = secret("current-password");
  let joining = false;
  const heading = h("h1", { tabindex: "-1" });
  const button = h("button", { class: "main" });
  const other = h("button", { type: "button", class: "quiet", onclick: () => ((joining = !joining), put()) });
  const put = () => {
    show(heading, joining ? "Sign up" : "Sign in");
    show(button, joining ? "Make my account" : "Sign in");
    show(other, joining ? "I have an account" : "I am new here: sign up");
    password.autocomplete = joining ? "new-password" : "current-password";
  };
  put();
  const act = async () => {
    if ((await auth.session())?.kind === "guest") await cart.settled(); // their changes are of their cart
    if (joining) await auth.register(name.value, password.value);
    else await auth.signIn(name.value, password.value);
    joining = false;
    const next = new URLSearchParams(location.search).get("next");
    if (next && /^\/[a-z]+$/.test(next)) go(next, { replace: true });
  };
  show(root, heading, form(act, button, field("Username", name), field("Password", password)), other,
    h("p", { class: "muted" }, "What is in your cart stays there when you sign in."));
}

/**
 * @param {() => Promise<void>} act
 * @param {HTMLButtonElement} button
 * @param {...HTMLElement} fields
 */
function form(act, button, ...fields) {
  const problem = h("p", { class: "problem", role: "alert" });
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    show(problem);
    try {
      await act();
    } catch (error) {
      show(problem, words(error));
    } finally {
      button.disabled = false;
    }
  };
  return h("form", { class: "form", onsubmit: submit }, ...fields, problem, button);
}

/** @param {unknown} error */
function words(error) {
  return error instanceof Error ? error.message : String(error);
}

/**
 * @param {HTMLElement} root
 * @param {string} username
 * @param {AbortSignal} signal
 */
function inside(root, username, signal) {
  const sessions = h("div", {}, h("p", { class: "muted" }, "…"));
  const old = secret("current-password");
  const fresh = secret("new-password");
  const change = async () => {
    await changePassword(username, old.value, fresh.value);
    toast("The password is changed; all other devices are signed out.");
  };
  const out = async () => {
    try {
      await auth.signOut();
      toast("Signed out.");
    } catch (error) {
      trouble(error, out);
    }
  };
  show(root, h("h1", { tabindex: "-1" }, username),
    h("section", {}, h("h2", {}, "Devices"), sessions),
    h("details", {}, h("summary", {}, "Change password"), form(change, h("button", { class: "main" }, "Change password"), field("Present password", old), field("New password", fresh))),
    h("button", { type: "button", class: "wide", onclick: out }, "Sign out"));
  void list(sessions, signal);
}

/**
 * Change the password, which ends all sessions, and sign in with the new one. Where the shop refuses
 * to change it, it may have been changed already, and the answer was lost.
 * @param {string} username
 * @param {string} old
 * @param {string} fresh
 * @throws {Refused}
 */
async function changePassword(username, old, fresh) {
  /** @type {unknown} */
  let refusal = null;
  try {
    await call("POST", "/api/password/", { body: { old_password: old, new_password: fresh }, again: true });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    refusal = error;
  }
  try {
    await auth.signIn(username, fresh);
  } catch (error) {
    throw (error instanceof Refused && refusal) || error;
  }
}

/**
 * @param {HTMLElement} place
 * @param {AbortSignal} signal
 */
async function list(place, signal) {
  /** @type {import("../types.js").DeviceSession[]} */
  let found;
  try {
    found = (await call("GET", "/api/session/")).body;
  } catch (error) {
    if (!signal.aborted) show(place, h("p", { class: "muted" }, words(error)), h("button", { type: "button", onclick: () => void list(place, signal) }, "Try again"));
    return;
  }
  if (signal.aborted) return;
  const end = async (/** @type {number} */ id) => {
    try {
      await call("DELETE", `/api/session/${id}/`);
    } catch (error) {
      if (!(error instanceof Refused && error.status === 404)) return trouble(error, () => void end(id));
    }
    await list(place, signal);
  };
  show(place, h("ul", { class: "devices" }, ...found.map((each) => h("li", {},
    h("span", { class: "what" }, h("b", {}, device(each.device)), h("span", { class: "muted" }, `since ${time(each.created_at)}`)),
    each.current ? h("span", { class: "state placed" }, "this one") : h("button", { type: "button", "aria-label": `End the session of ${device(each.device)}`, onclick: () => void end(each.id) }, "End")))));
}

/**
 * @param {string} agent how a browser calls itself
 * @returns {string} what people call it
 */
function device(agent) {
  const kind = /iPhone|iPad|Android|Windows|Macintosh|Linux/.exec(agent)?.[0];
  const browser = /Edg|Firefox|Chrome|Safari/.exec(agent)?.[0]?.replace("Edg", "Edge");
  return [browser, kind?.replace("Macintosh", "Mac")].filter(Boolean).join(" on ") || agent.slice(0, 40) || "A device";
}
