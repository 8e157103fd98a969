/** What changes seldom: pools and their sources, the log's warnings, and the configuration with who said what. */
import { byId, cell, el, Meter, Rows, setAttribute, setText, show } from "./dom.js";
import { plural, spanOf, timeOf } from "./format.js";

export class Inventory {
  #pools = new Rows(document.querySelector(".pools tbody"), () => new PoolRow());
  #said = new Rows(byId("said"), makeLine);
  #configAt = "";
  #config = null;

  constructor() {
    byId("defaults").addEventListener("change", () => this.#drawOptions());
  }

  update({ picker, pools, sources, said }) {
    this.#pools.set(
      pools.map((pool) => ({ pool, sources: sources.filter((each) => each.pool === pool.name || each.pool === "") })),
      ({ pool }) => pool.name,
    );
    this.#said.set(said, ({ text, about }) => `${text}\n${about}`);
    show(byId("said-none"), said.length === 0);
    const configAt = picker.instance + picker.configAt;
    if (configAt !== this.#configAt) void this.#fetchConfig(configAt);
  }

  async #fetchConfig(configAt) {
    this.#configAt = configAt;
    try {
      const answer = await fetch("debug/config", { cache: "no-store" });
      this.#config = await answer.json();
      this.#drawConfig();
    } catch {
      // The next answer of the picker asks again.
      this.#configAt = "";
    }
  }

  #drawConfig() {
    const { profiles, reload } = this.#config;
    const outcome = {
      applied: "in force since",
      unchanged: "written anew, the same, at",
      refused: "last change refused at",
    };
    setText(byId("config-note"), reload === null ? "" : `config file ${outcome[reload.outcome]} ${timeOf(reload.at)}`);
    const rows = profiles.map(({ name, scorers, filters, pick }) =>
      el(
        "tr",
        { role: "row" },
        el("th", { role: "rowheader", scope: "row" }, name),
        cell("Scorers and weights", null, scorers.join(", ") || "none"),
        cell("Filters", null, filters.join(", ") || "none"),
        cell("Picks", null, pick),
      ),
    );
    document.querySelector(".profiles tbody").replaceChildren(...rows);
    this.#drawOptions();
  }

  #drawOptions() {
    if (this.#config === null) return;
    const withDefaults = byId("defaults").checked;
    const options = this.#config.options.filter(
      ({ from, isDefault }) => withDefaults || from !== "default" || !isDefault,
    );
    const rows = options.map((option) => {
      const { name, value, from, help } = option;
      return el(
        "tr",
        { role: "row", "data-from": from },
        el("th", { role: "rowheader", scope: "row" }, el("span", { class: "name" }, name), el("small", null, help)),
        cell("Value", { class: "value" }, value === "" ? "none" : value),
        cell("Said by", { class: "from" }, ...saidBy(option)),
      );
    });
    const none = el(
      "tr",
      { role: "row" },
      cell("", { colspan: "3", class: "empty" }, "Everything is as it is by default."),
    );
    document.querySelector(".options tbody").replaceChildren(...(rows.length > 0 ? rows : [none]));
  }
}

function saidBy({ from, place, isDefault }) {
  if (from === "default") return [el("span", { class: "soft" }, isDefault ? "default" : "found out")];
  return [from, el("small", null, place)];
}

class PoolRow {
  #name = el("th", { role: "rowheader", scope: "row" });
  #usable;
  #profile = cell("Profile");
  #models = cell("Models", { class: "model" });
  #sources = el("ul", { class: "sources" });
  #told = "";
  element;

  constructor() {
    this.#usable = new Meter("Usable pods of the pool");
    this.element = el(
      "tr",
      { role: "row" },
      this.#name,
      cell("Usable pods", { class: "bar-cell" }, this.#usable.element),
      this.#profile,
      this.#models,
      cell("Sources of pods", null, this.#sources),
    );
  }

  update({ pool, sources }) {
    const { name, profile, pods, usable, models, modelCount } = pool;
    setText(this.#name, name);
    const tone = usable === pods && pods > 0 ? "" : usable > 0 ? "watch" : "act";
    this.#usable.set({
      value: usable,
      max: Math.max(pods, 1),
      text: `${usable} of ${pods}`,
      words: `${usable} of ${plural(pods, "pod")} usable`,
      tone,
    });
    setText(this.#profile, profile);
    const more = modelCount - models.length;
    setText(this.#models, modelCount === 0 ? "not told" : models.join(", ") + (more > 0 ? ` and ${more} more` : ""));
    const text = JSON.stringify(sources.map(sayOf));
    if (this.#told === text) return;
    this.#told = text;
    const items = sources.map((source) =>
      el("li", { "data-tone": source.problem === "" ? null : "act" }, sayOf(source)),
    );
    this.#sources.replaceChildren(...items);
  }
}

function sayOf({ name, known, pods, ageMs, problem }) {
  if (problem !== "") return `${name}: ${problem}`;
  if (!known) return `${name}: has not told any pods yet`;
  return `${name}: ${plural(pods, "pod")}${ageMs > 30_000 ? `, last heard ${spanOf(Math.floor(ageMs / 60_000) * 60)} ago` : ""}`;
}

function makeLine() {
  const [time, text, about, count] = [el("time"), el("span"), el("small"), el("small", { class: "count" })];
  const element = el("li", null, time, el("div", null, text, about), count);
  const update = (line) => {
    setAttribute(element, "data-level", line.level);
    setText(time, timeOf(line.at));
    setText(text, line.text);
    setText(about, line.about);
    setText(count, line.count === 1 ? "" : `${line.count} times`);
  };
  return { element, update };
}
