/** The latest decisions, newest first. The list holds still while somebody points at it or is in it. */
import { byId, cell, el, Rows, setText, show } from "./dom.js";
import { exactTimeOf, millisecondsOf, timeOf } from "./format.js";

/** By the reason of the pick, in two or three words. */
const ways = {
  scored: "by score",
  no_prompt: "no prompt",
  body_unseen: "body not seen",
  body_unread: "body not read",
  body_cut: "part of body",
  unknown_load: "load unknown",
  buffer_full: "buffer full",
  fault: "own fault",
};
/** More stand behind a button. */
const SHOWN = 20;
const END_OF_NAME = 8;
const oddWays = new Set(["unknown_load", "buffer_full", "fault"]);

export const wayOf = (reason) => ways[reason] ?? reason.replaceAll("_", " ");

/** One that has no id is told apart by all that it has. */
export const keyOf = (decision) =>
  decision.id ?? [decision.at, decision.address, decision.model, decision.milliseconds].join(" ");

export class Decisions {
  #body = document.querySelector(".decisions tbody");
  #rows;
  #all = false;
  #shown = [];
  #latest = [];

  /** `open(decision)` is called with the one that was chosen. */
  constructor(open) {
    this.#rows = new Rows(this.#body, (decision) => makeRow(decision, open));
    byId("decisions-all").addEventListener("click", () => {
      this.#all = !this.#all;
      this.#draw();
    });
    const section = byId("decisions");
    section.addEventListener("pointerleave", () => this.#release());
    section.addEventListener("focusout", () => setTimeout(() => this.#release()));
    this.#body.addEventListener("keydown", (event) => this.#move(event));
    this.#body.addEventListener("focusin", ({ target }) => this.#rove(target));
  }

  update(decisions) {
    this.#latest = decisions;
    if (this.#shown.length > 0 && this.#isHeld()) return this.#sayHeld();
    this.#draw();
  }

  #isHeld() {
    const section = byId("decisions");
    const isFocused = this.#body.contains(document.activeElement) && document.hasFocus();
    return byId("why").open || isFocused || (this.#body.matches(":hover") && section.matches(":hover"));
  }

  #sayHeld() {
    const known = new Set(this.#shown.map(keyOf));
    const newer = this.#latest.filter((decision) => !known.has(keyOf(decision))).length;
    show(byId("held"), newer > 0);
    setText(
      byId("held"),
      `held while you are here, ${newer >= this.#latest.length ? `${newer} or more` : newer} newer`,
    );
  }

  #release() {
    if (!this.#isHeld()) this.#draw();
  }

  #draw() {
    show(byId("held"), false);
    this.#shown = this.#all ? this.#latest : this.#latest.slice(0, SHOWN);
    this.#rows.set(this.#shown, keyOf);
    const more = byId("decisions-all");
    show(more, this.#latest.length > SHOWN);
    setText(more, this.#all ? `Show the latest ${SHOWN}` : `Show ${this.#latest.length}`);
    show(byId("decisions-none"), this.#shown.length === 0);
    const buttons = this.#buttons();
    if (!buttons.some((button) => button.tabIndex === 0)) buttons[0]?.setAttribute("tabindex", "0");
  }

  #buttons() {
    return [...this.#body.querySelectorAll("button")];
  }

  /** One stop of the Tab key for the whole list; arrows go on from there. */
  #rove(target) {
    if (!(target instanceof HTMLButtonElement)) return;
    for (const button of this.#buttons()) if (button !== target) button.tabIndex = -1;
    target.tabIndex = 0;
  }

  #move(event) {
    const buttons = this.#buttons();
    const at = buttons.indexOf(document.activeElement);
    const goals = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1 };
    const goal = buttons[goals[event.key]];
    if (goal === undefined) return;
    event.preventDefault();
    goal.focus();
  }
}

/** Names of pods differ at their end: where there is no room, dots take the place of what is before it. */
function nameParts(name) {
  if (name.length <= END_OF_NAME) return [name];
  return [el("span", { class: "start" }, name.slice(0, -END_OF_NAME)), el("span", null, name.slice(-END_OF_NAME))];
}

function makeRow(decision, open) {
  const { at, pod, model, target, reason, milliseconds, shadow, strategy } = decision;
  const isRefused = pod === null;
  const name = isRefused ? "refused" : pod;
  const way = wayOf(reason ?? "refused");
  const tone = isRefused || oddWays.has(reason) ? "watch" : "";
  const how = [strategy, way, shadow ? "only watched" : ""].filter(Boolean).join(", ");
  const label = `${exactTimeOf(at)}, ${isRefused ? `refused: ${way}` : `${name}, ${way}`}, model ${model || "unknown"}: explain`;
  const button = el("button", { type: "button", class: "link", tabindex: "-1", "aria-label": label }, timeOf(at));
  const renamed = target === undefined ? null : el("small", null, `as ${target}`);
  const element = el(
    "tr",
    { role: "row", click: () => open(decision, button) },
    cell("Time", null, button),
    cell("Pod", { class: "name", title: name }, el("span", { class: "middle" }, ...nameParts(name))),
    cell("Model", { class: "model", title: model }, model || el("span", { class: "soft" }, "none named"), renamed),
    cell("How", { class: "how", "data-tone": tone, title: how }, how),
    cell("Took", { class: "number" }, milliseconds === null ? "–" : millisecondsOf(milliseconds)),
  );
  return { element };
}
