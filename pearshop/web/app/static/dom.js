/** Makes elements. Text is text: nothing here ever reads markup. */

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, any>} [members] properties, `on...` listeners, or attributes
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, members = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(members)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "class") made.className = value;
    else if (name === "value" || name === "checked" || name === "disabled") /** @type {any} */ (made)[name] = value;
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  fill(made, children);
  return made;
}

/**
 * Put these, and nothing else, into an element.
 * @param {Element} into
 * @param {...(Child | Child[])} children
 */
export function show(into, ...children) {
  into.replaceChildren();
  fill(into, children);
}

/**
 * @param {Element} into
 * @param {(Child | Child[])[]} children
 */
function fill(into, children) {
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    into.append(child instanceof Node ? child : String(child));
  }
}

const SHAPES = {
  shop: "M4 10h16l-1.5-5h-13zM5 10v10h14V10M9 20v-6h6v6",
  cart: "M3 4h3l2.5 11h9.5l2-8H7M9.5 20a1 1 0 1 0 0-.1M17 20a1 1 0 1 0 0-.1",
  orders: "M6 3h12v18l-3-2-3 2-3-2-3 2zM9 8h6M9 12h6",
  account: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21c0-4 3.6-6 8-6s8 2 8 6",
  pear: "M12 7c-2 0-2.7 2-3.1 4C8.500 12.600 6 13.800 6 17c0 2.700 2.700 4.300 6 4.300s6-1.600 6-4.300c0-3.200-2.500-4.400-2.900-6C14.700 9 14 7 12 7zM12 7c0-2 .4-3 1.500-4",
  back: "M15 5l-7 7 7 7",
};

/**
 * @param {keyof typeof SHAPES} name
 * @returns {SVGElement} a picture that says nothing to screen readers
 */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const picture = document.createElementNS(space, "svg");
  picture.setAttribute("viewBox", "0 0 24 24");
  picture.setAttribute("aria-hidden", "true");
  picture.setAttribute("class", "icon");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", SHAPES[name]);
  picture.append(path);
  return picture;
}
