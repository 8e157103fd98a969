/** The status page: asks the picker once a second while somebody looks, and says so when it does not answer. */

import { Decisions } from "./decisions.js";
import { byId, el, keepTables, setAttribute, setText, show } from "./dom.js";
import { ExplanationView } from "./explanation.js";
import { spanOf, timeOf } from "./format.js";
import { Inventory } from "./inventory.js";
import { Pods } from "./pods.js";
import { Traffic } from "./traffic.js";

const POLL_MS = 1_000;
const PATIENCE_MS = 4_000;
/** One answer that is late is no news. */
const MISSED_AT_MOST = 2;
/** So long a restart is told of. */
const NEWS_SECONDS = 600;
const THEME = "pointsman-theme";

const glyphs = { good: "●", watch: "▲", act: "✕", wait: "…" };

class Page {
  #traffic = new Traffic(document.querySelector("#traffic .tiles"));
  #pods = new Pods();
  #view = new ExplanationView();
  #decisions = new Decisions((decision, opener) => this.#view.open(decision, opener));
  #inventory = new Inventory();
  #instance = "";
  /** Of the last answer, by the clock of this machine. */
  #answeredAtMs = 0;
  #missed = 0;
  /** What it answers in place of its status, 0 for nothing; -1 while all is well. */
  #gone = -1;
  #sawRestart = false;
  #paused = false;
  #timer = 0;

  start() {
    byId("pause").addEventListener("click", ({ target }) => {
      this.#paused = !this.#paused;
      setAttribute(target, "aria-pressed", this.#paused);
      void this.#tick();
    });
    document.addEventListener("visibilitychange", () => void this.#tick());
    setInterval(() => this.#sayAge(), POLL_MS);
    void this.#tick();
  }

  /** Asks now, and again a second after the answer; not while nobody looks. */
  async #tick() {
    clearTimeout(this.#timer);
    this.#sayAge();
    if (this.#paused || document.hidden) return;
    const timer = setTimeout(() => {}, 0);
    this.#timer = timer;
    await this.#ask();
    if (this.#timer === timer) this.#timer = setTimeout(() => this.#tick(), POLL_MS);
  }

  async #ask() {
    try {
      const answer = await fetch("debug/status", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
      if (answer.ok) this.#take(await answer.json());
      else this.#miss(answer.status);
    } catch {
      this.#miss(0);
    }
  }

  /** `status` of an answer that was none; 0 where there was no answer at all. */
  #miss(status) {
    this.#missed++;
    if (this.#missed >= MISSED_AT_MOST) this.#sayGone(status);
  }

  #take(status) {
    const { picker, health, warnings } = status;
    const isAnother = this.#instance !== "" && this.#instance !== picker.instance;
    if (this.#instance !== picker.instance) this.#traffic.reset();
    this.#instance = picker.instance;
    this.#missed = 0;
    this.#answeredAtMs = Date.now();
    setAttribute(byId("live"), "data-stale", null);
    this.#sayHealth(health);
    this.#gone = -1;
    this.#warn(warnings);
    const upSeconds = (Date.parse(status.at) - Date.parse(picker.startedAt)) / 1000;
    setText(byId("about"), `${picker.version}, up ${spanOf(upSeconds)}`);
    if (isAnother) this.#sawRestart = true;
    show(byId("since"), this.#sawRestart && upSeconds < NEWS_SECONDS);
    setText(byId("since"), `The picker was started again at ${timeOf(picker.startedAt)}: its counts begin anew.`);
    this.#traffic.update(status, performance.now());
    this.#pods.update(status.pods);
    this.#decisions.update(status.decisions);
    this.#inventory.update(status);
    this.#sayAge();
  }

  #sayHealth({ level, sentence }) {
    setAttribute(byId("health"), "data-level", level);
    setText(byId("sentence"), sentence);
    setText(document.querySelector(".glyph"), glyphs[level]);
    document.title = `${level === "good" ? "" : `${glyphs[level]} `}pointsman: ${sentence}`;
  }

  #sayGone(status) {
    const known = this.#answeredAtMs > 0;
    if (this.#gone !== status) {
      const since = timeOf(new Date(known ? this.#answeredAtMs : Date.now()).toISOString());
      const silent = known ? `No answer since ${since}.` : "The picker does not answer.";
      const cause =
        status === 0
          ? "The picker has ended, hangs, or this page's way to it is cut."
          : "What answers has no status to tell: the picker's log may say why.";
      this.#sayHealth({ level: "act", sentence: status === 0 ? silent : `The answer is an error: HTTP ${status}.` });
      const shown = known ? ` What is below is the state of ${since}.` : "";
      setText(byId("since"), `${cause} It is asked every second.${shown}`);
      show(byId("since"), true);
      this.#warn([]);
      setAttribute(byId("live"), "data-stale", "");
    }
    this.#gone = status;
    this.#sayAge();
  }

  #sayAge() {
    const seconds = (Date.now() - this.#answeredAtMs) / 1000;
    const age = seconds < 3 ? "live" : `${spanOf(seconds)} old`;
    setText(byId("updated"), this.#answeredAtMs === 0 ? "" : this.#paused ? `paused, ${age}` : age);
  }

  #warn(warnings) {
    const list = byId("warnings");
    const text = JSON.stringify(warnings);
    if (list.dataset.said === text) return;
    list.dataset.said = text;
    show(list, warnings.length > 0);
    list.replaceChildren(
      ...warnings.map(({ level, text: what, cure }) =>
        el(
          "li",
          { "data-level": level },
          el("span", { class: "mark", "aria-hidden": "true" }, glyphs[level]),
          el("div", null, el("span", null, what), cure === "" ? null : el("small", null, cure)),
        ),
      ),
    );
  }
}

/** Light or dark as the system says, unless this page is told otherwise; remembered by the browser. */
function startTheme() {
  const apply = (theme) => setAttribute(document.documentElement, "data-theme", theme === "system" ? null : theme);
  const radios = [...document.querySelectorAll("input[name=theme]")];
  const kept = readTheme();
  for (const radio of radios) {
    radio.checked = radio.value === kept;
    radio.addEventListener("change", () => {
      apply(radio.value);
      try {
        localStorage.setItem(THEME, radio.value);
      } catch {
        // A browser that keeps nothing is told again next time.
      }
    });
  }
  apply(kept);
}

function readTheme() {
  try {
    const kept = localStorage.getItem(THEME);
    return kept === "light" || kept === "dark" ? kept : "system";
  } catch {
    return "system";
  }
}

startTheme();
keepTables();
new Page().start();
