/** Small tools for the page's elements. Text is only ever set as text: names of pods and models come from elsewhere. */

/** An element with attributes, listeners (by functions) and children; what is null is left out. */
export function el(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export const byId = (id) => document.getElementById(id);

/** Only where it differs: what stays the same is neither drawn nor read aloud again. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function setAttribute(element, name, value) {
  const text = value === null ? null : String(value);
  if (element.getAttribute(name) === text) return;
  if (text === null) element.removeAttribute(name);
  else element.setAttribute(name, text);
}

export function show(element, isShown) {
  if (element.hidden === isShown) element.hidden = !isShown;
}

/** Rows as the items say, by key: a row stays the same element for as long as its item is there, so that focus stays too. */
export class Rows {
  #parent;
  #known = new Map();
  #make;

  /** `make(item)` gives `{ element, update(item) }`. */
  constructor(parent, make) {
    this.#parent = parent;
    this.#make = make;
  }

  set(items, keyOf) {
    const wanted = new Set(items.map(keyOf));
    for (const [key, { element }] of this.#known) {
      if (wanted.has(key)) continue;
      element.remove();
      this.#known.delete(key);
    }
    let next = this.#parent.firstElementChild;
    for (const item of items) {
      const key = keyOf(item);
      let row = this.#known.get(key);
      if (row === undefined) {
        row = this.#make(item);
        this.#known.set(key, row);
      }
      row.update?.(item);
      if (row.element === next) next = next.nextElementSibling;
      else this.#parent.insertBefore(row.element, next);
    }
  }

  get(key) {
    return this.#known.get(key);
  }
}

/** A cell of a table; its label stands before it where the table is shown as cards. */
export function cell(label, attributes, ...children) {
  return el("td", { role: "cell", "data-label": label, ...attributes }, ...children);
}

export function head(text, attributes) {
  return el("th", { role: "columnheader", scope: "col", ...attributes }, text);
}

/** A number with a bar, read aloud as one thing. */
export class Meter {
  #text = el("b");
  #fill = el("i");
  element = el(
    "span",
    { class: "meter", role: "meter", "aria-valuemin": "0" },
    this.#text,
    el("span", { class: "track" }, this.#fill),
  );

  constructor(label) {
    this.element.setAttribute("aria-label", label);
  }

  /** `words` are read aloud in place of the number. */
  set({ value, max, text, words, tone = "" }) {
    const isKnown = value !== null;
    const share = isKnown && max > 0 ? Math.min(value / max, 1) : 0;
    setText(this.#text, text);
    setAttribute(this.element, "aria-valuemax", Math.max(max, isKnown ? value : 0, 1e-9));
    setAttribute(this.element, "aria-valuenow", isKnown ? value : 0);
    setAttribute(this.element, "aria-valuetext", words);
    setAttribute(this.element, "data-tone", tone);
    setAttribute(this.element, "data-unknown", isKnown ? null : "");
    const width = `${Math.round(share * 1000) / 10}%`;
    if (this.#fill.style.width !== width) this.#fill.style.width = width;
  }
}

const roles = { table: "table", thead: "rowgroup", tbody: "rowgroup", tr: "row", th: "columnheader" };

/** Said in so many words: where tables are shown as cards, browsers forget that they are tables. */
export function keepTables() {
  for (const [name, role] of Object.entries(roles)) {
    for (const element of document.querySelectorAll(`main ${name}`)) element.setAttribute("role", role);
  }
}
