/** The pods, those in trouble first: what each is doing as bars of one scale. */
import { byId, cell, el, head, Meter, Rows, setAttribute, setText, show } from "./dom.js";
import { byName, middleOf, numberOf, percentOf, plural, secondsOf } from "./format.js";

/** More stand behind a button; the field to find one appears with them. */
const SHOWN = 25;
/** A queue of one is no long bar. */
const LEAST_SCALE = 8;
const OLD_SECONDS = 3;
const NEARLY_FULL = 0.95;

const columns = [
  ["queue", "Queue", "Requests waiting in the pod's own queue"],
  ["kv", "KV cache", "Share of the KV cache held by running requests"],
  ["hits", "Prefix hits", "Share of its prompts that was believed cached, by its latest picks"],
  ["flight", "In flight", "Requests picked for it that have not ended"],
  ["age", "Reading", "Age of the pod's last metrics page"],
];

export class Pods {
  #all = false;
  #filter = "";
  #last = [];
  #rows = new Rows(document.querySelector(".pods tbody"), (pod) => new PodRow(pod));

  constructor() {
    document
      .querySelector(".pods thead tr")
      .append(head("Pod"), head("State"), ...columns.map(([, name, title]) => head(name, { title })));
    byId("find")
      .querySelector("input")
      .addEventListener("input", ({ target }) => {
        this.#filter = target.value.trim().toLowerCase();
        this.#draw();
      });
    byId("pods-all").addEventListener("click", () => {
      this.#all = !this.#all;
      this.#draw();
    });
  }

  update(pods) {
    this.#last = pods
      .map((pod) => ({ ...pod, state: stateOf(pod) }))
      .sort((a, b) => b.state.rank - a.state.rank || byName(a.name, b.name));
    this.#draw();
  }

  #draw() {
    const pods = this.#last;
    const found = pods.filter(({ name, address, state, pools }) =>
      [name, address, state.word, ...pools].some((text) => text.toLowerCase().includes(this.#filter)),
    );
    const shown = this.#all || this.#filter !== "" ? found : found.slice(0, SHOWN);
    const most = (read) => pods.reduce((max, pod) => Math.max(max, read(pod) ?? 0), LEAST_SCALE);
    const isOfSeveral = new Set(pods.flatMap((pod) => pod.pools)).size > 1;
    const scale = { waiting: most((pod) => pod.waiting), inFlight: most((pod) => pod.inFlight) };
    this.#rows.set(
      shown.map((pod) => ({ pod, scale, isOfSeveral })),
      ({ pod }) => `${pod.address} ${pod.name}`,
    );
    const usable = pods.filter(({ reachable, setAside }) => reachable && !setAside).length;
    setText(
      byId("pods-count"),
      pods.length === 0
        ? ""
        : usable === pods.length
          ? `${pods.length}, all usable`
          : `${usable} of ${pods.length} usable`,
    );
    show(byId("find"), pods.length > SHOWN / 2);
    const none = byId("pods-none");
    show(none, shown.length === 0);
    setText(none, pods.length === 0 ? "No pods are known: see the sources below." : "No pod matches.");
    const more = byId("pods-all");
    show(more, found.length > SHOWN && this.#filter === "");
    setText(more, this.#all ? `Show the first ${SHOWN}` : `Show all ${pods.length}`);
  }
}

/** The worse, the higher its rank. */
export function stateOf({ reachable, setAside, admission, waiting, running, kvUsage }) {
  if (!reachable) return { word: "no answer", tone: "act", rank: 4 };
  if (setAside) return { word: "set aside", tone: "watch", rank: 3 };
  if (waiting === null && running === null && kvUsage === null) return { word: "load unknown", tone: "watch", rank: 2 };
  if (admission !== null && admission < 1) return { word: `new, ${percentOf(admission)} of picks`, tone: "", rank: 1 };
  return { word: "ok", tone: "good", rank: 0 };
}

class PodRow {
  #state = el("span", { class: "state" });
  #where = el("small");
  #meters;
  element;

  constructor({ pod: { name, address } }) {
    this.#meters = Object.fromEntries(columns.map(([key, label]) => [key, new Meter(`${label} of ${name}`)]));
    this.element = el(
      "tr",
      { role: "row", "data-pod": address },
      el(
        "th",
        { role: "rowheader", scope: "row" },
        el("span", { class: "name", title: name }, middleOf(name)),
        this.#where,
      ),
      cell("State", { class: "state-cell" }, this.#state),
      ...columns.map(([key, label]) => cell(label, { class: "bar-cell", "data-bar": key }, this.#meters[key].element)),
    );
  }

  update({ pod, scale, isOfSeveral }) {
    setText(this.#state, pod.state.word);
    const { name, address, pools } = pod;
    setText(this.#where, [name === address ? [] : address, isOfSeveral ? pools : []].flat().join(", "));
    setAttribute(this.#state, "data-tone", pod.state.tone);
    const { waiting, running, kvUsage, prefixHit, recentPicks, inFlight, scrapeAgeSeconds: age } = pod;
    const { queue, kv, hits, flight, age: reading } = this.#meters;
    queue.set({
      value: waiting,
      max: scale.waiting,
      text: count(waiting),
      words: words(waiting, `${count(waiting)} waiting, ${running === null ? "unknown" : count(running)} running`),
    });
    kv.set({
      ...{ value: kvUsage, max: 1, text: kvUsage === null ? "–" : percentOf(kvUsage) },
      ...{ words: words(kvUsage, `${percentOf(kvUsage ?? 0)} in use`), tone: kvUsage > NEARLY_FULL ? "watch" : "" },
    });
    hits.set({
      ...{ value: prefixHit, max: 1, text: prefixHit === null ? "–" : percentOf(prefixHit) },
      words: words(prefixHit, `${percentOf(prefixHit ?? 0)} of the prompts of ${plural(recentPicks, "latest pick")}`),
    });
    flight.set({
      value: inFlight,
      max: scale.inFlight,
      text: count(inFlight),
      words: words(inFlight, `${count(inFlight)} in flight`),
    });
    reading.set({
      ...{
        value: age,
        max: OLD_SECONDS * 2,
        text: age === null ? "never" : secondsOf(age),
        tone: age > OLD_SECONDS ? "watch" : "",
      },
      words: age === null ? "never read" : `${secondsOf(age)} old`,
    });
  }
}

/** Readings are corrected by our own picks, and so are whole numbers by and large. */
function count(value) {
  return value === null ? "–" : numberOf(Math.round(value * 10) / 10);
}

function words(value, text) {
  return value === null ? "unknown" : text;
}
