/** One decision taken apart: what every scorer gave every candidate, what it was given for, and why the winner won. */

import { wayOf } from "./decisions.js";
import { byId, cell, el, head } from "./dom.js";
import { exactTimeOf, middleOf, millisecondsOf, numberOf, percentOf, scoreOf, secondsOf } from "./format.js";

/** More candidates than these are worth a click. */
const SHOWN = 20;

const signalNames = {
  waiting: "waiting",
  running: "running",
  kvUsage: "KV in use",
  inFlight: "in flight",
  pendingTokens: "tokens to read",
  prefixHit: "of the prompt cached",
  ttft: "first token",
  tpot: "per token",
  sessionMatch: "session is here",
  headerMatch: "header matches",
  coldRank: "turn for new prompts",
  adapterState: "adapter",
  lengthFit: "length fits",
};
const shares = new Set(["kvUsage", "prefixHit", "cpuCacheUsage", "gpuBusyRatio", "engineUtilization", "lengthFit"]);
const times = new Set(["ttft", "tpot", "queueSeconds", "prefillSeconds", "decodeSeconds"]);

/** As the list above has them, others behind. */
const order = Object.keys(signalNames);
const byOrder = (a, b) => (order.indexOf(a) + 1 || order.length + 1) - (order.indexOf(b) + 1 || order.length + 1);

const signalName = (name) => signalNames[name] ?? name.replace(/([A-Z])/g, (capital) => ` ${capital.toLowerCase()}`);

function signalOf(name, value) {
  if (value === null || value === undefined) return "–";
  if (shares.has(name)) return percentOf(value);
  return times.has(name) ? millisecondsOf(value * 1000) : numberOf(Math.round(value * 100) / 100);
}

export class ExplanationView {
  #dialog = byId("why");
  #opener = null;
  #asked = "";

  constructor() {
    this.#dialog.addEventListener("close", () => this.#closed());
    // A click beside the sheet closes it, as people expect.
    this.#dialog.addEventListener("click", ({ target }) => {
      if (target === this.#dialog) this.#dialog.close();
    });
    addEventListener("hashchange", () => this.#followAddress());
    this.#followAddress();
  }

  /** The element that has the focus again afterwards. */
  async open(decision, opener) {
    this.#opener = opener;
    const { id } = decision;
    if (id === undefined) return this.#show(notKept(decision));
    history.replaceState(null, "", `#decision=${encodeURIComponent(id)}`);
    await this.#ask(id, decision);
  }

  #followAddress() {
    const [, id] = /^#decision=([\w-]+)$/.exec(location.hash) ?? [];
    if (id !== undefined) void this.#ask(id);
  }

  async #ask(id, decision) {
    this.#asked = id;
    let content;
    try {
      const answer = await fetch(`debug/decisions/${encodeURIComponent(id)}`, { cache: "no-store" });
      content = answer.ok ? explained(await answer.json()) : notKept(decision ?? { id });
    } catch {
      content = unreachable();
    }
    if (this.#asked === id) this.#show(content);
  }

  #show(content) {
    const close = el(
      "button",
      { type: "button", class: "close", click: () => this.#dialog.close(), "aria-label": "Close" },
      "✕",
    );
    this.#dialog.replaceChildren(el("div", { class: "sheet" }, close, ...content));
    if (!this.#dialog.open) this.#dialog.showModal();
    this.#dialog.scrollTop = 0;
    close.focus({ preventScroll: true });
  }

  #closed() {
    this.#asked = "";
    if (location.hash.startsWith("#decision=")) history.replaceState(null, "", location.pathname + location.search);
    if (this.#opener?.isConnected) this.#opener.focus();
    else byId("decisions").focus();
    this.#opener = null;
  }
}

const title = (text) => el("h2", { id: "why-title" }, text);

function notKept(decision) {
  const when = decision.at === undefined ? "" : ` of ${exactTimeOf(decision.at)}`;
  return [
    title("No longer known"),
    el(
      "p",
      { class: "verdict" },
      `The decision${when} has made room for newer ones: only the latest can be taken apart.`,
    ),
  ];
}

function unreachable() {
  return [
    title("No answer"),
    el("p", { class: "verdict" }, "The picker does not answer at present. Try again in a moment."),
  ];
}

function explained(explanation) {
  const { outcome, sentence, scorers, candidates, absent, id } = explanation;
  const isPicked = outcome.kind === "picked";
  const ordered = candidates.toSorted((a, b) => Number(b.isPicked) - Number(a.isPicked) || a.place - b.place);
  return [
    title(isPicked ? `Why ${outcome.pod}` : `Refused: ${outcome.code.replaceAll("_", " ")}`),
    el("p", { class: "soft facts" }, ...factsOf(explanation).map((fact) => el("span", null, fact))),
    el("p", { class: "verdict" }, sentence, isPicked ? null : ` ${outcome.message}`),
    ordered.length === 0 || scorers.length === 0 ? null : candidateTable(ordered, scorers),
    ordered.length === 0 ? null : signalTable(ordered, scorers.length > 0),
    absent.length === 0 ? null : absentList(absent),
    el(
      "p",
      { class: "soft" },
      "The same as ",
      el("a", { href: `debug/decisions/${encodeURIComponent(id)}` }, "JSON"),
      ".",
    ),
  ];
}

function factsOf({ at, model, pool, reason, strategy, priority, milliseconds, shadow, seed }) {
  return [
    exactTimeOf(at),
    model === "" ? "no model named" : `model ${model}`,
    `pool ${pool}`,
    strategy === undefined ? wayOf(reason) : `${wayOf(reason)}, strategy ${strategy}`,
    priority === undefined ? null : `priority ${priority}`,
    `took ${millisecondsOf(milliseconds)}`,
    shadow ? "only watched: another pod served" : null,
    `seed ${seed}`,
  ].filter((fact) => fact !== null);
}

/** Where the winner is ahead of the next by most. */
function decidedBy(candidates, scorers) {
  const [first, second] = candidates;
  if (second === undefined || !first.isPicked) return -1;
  const leads = scorers.map(({ weight }, at) => weight * ((first.scores[at] ?? 0) - (second.scores[at] ?? 0)));
  const most = Math.max(...leads);
  return most > 0 ? leads.indexOf(most) : -1;
}

function candidateTable(candidates, scorers) {
  const decisive = decidedBy(candidates, scorers);
  const top = Math.max(
    scorers.reduce((sum, { weight }) => sum + Math.max(weight, 0), 0),
    1e-9,
  );
  const heads = scorers.map(({ name, weight }, at) =>
    el(
      "th",
      { role: "columnheader", scope: "col", class: "number", "data-scorer": at % 6 },
      el("span", { class: "scorer" }, name),
      el(
        "small",
        { class: at === decisive ? "decided" : null },
        at === decisive ? `weight ${numberOf(weight)}, decided` : `weight ${numberOf(weight)}`,
      ),
    ),
  );
  const body = el(
    "tbody",
    { role: "rowgroup" },
    ...candidates.map((candidate) => candidateRow(candidate, scorers, top, decisive)),
  );
  const table = el(
    "table",
    { role: "table", class: "candidates", "aria-label": "Scores of every candidate" },
    el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, head("Pod"), head("Total"), ...heads)),
    body,
  );
  return withMore("Scores", "0 to 1, times the weight", table, body);
}

function candidateRow(candidate, scorers, top, decisive) {
  const { pod, address, total, isPicked, scores } = candidate;
  const parts = scorers.map(({ weight }, at) => {
    const part = el("i", { "data-scorer": at % 6 });
    part.style.width = `${(Math.max(0, (scores[at] ?? 0) * weight) / top) * 100}%`;
    return part;
  });
  const cells = scorers.map(({ name, weight }, at) => {
    const score = scores[at] ?? null;
    const given =
      score === null
        ? [el("span", { class: "soft" }, "no say")]
        : [el("b", null, scoreOf(score * weight)), el("small", null, `${scoreOf(score)} × ${numberOf(weight)}`)];
    return cell(name, { class: "number", "data-decisive": at === decisive && isPicked ? "" : null }, ...given);
  });
  return el(
    "tr",
    { role: "row", "data-picked": isPicked ? "" : null, "data-pod": address },
    podHead(pod, noteOf(candidate)),
    cell(
      "Total",
      { class: "total" },
      el("b", null, scoreOf(total)),
      el("span", { class: "stack", "aria-hidden": "true" }, ...parts),
    ),
    ...cells,
  );
}

function signalTable(candidates, isScored) {
  const names = [...new Set(candidates.flatMap(({ signals }) => Object.keys(signals)))].sort(byOrder);
  const rows = candidates.map((candidate) => {
    const { pod, address, signals, ageMs, isPicked } = candidate;
    return el(
      "tr",
      { role: "row", "data-picked": isPicked ? "" : null, "data-pod": address },
      podHead(pod, isScored ? "" : noteOf(candidate)),
      ...names.map((name) => cell(signalName(name), { class: "number" }, signalOf(name, signals[name]))),
      cell("reading was", { class: "number" }, ageMs === null ? "never read" : `${secondsOf(ageMs / 1000)} old`),
    );
  });
  const body = el("tbody", { role: "rowgroup" }, ...rows);
  const heads = [...names.map(signalName), "reading was"].map((name) => head(name, { class: "number" }));
  const table = el(
    "table",
    { role: "table", class: "signals", "aria-label": "What the scorers were told" },
    el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, head("Pod"), ...heads)),
    body,
  );
  return withMore("Signals", "what the scorers knew at that moment", table, body);
}

function noteOf({ isPicked, place, reachable, setAside, newcomer }) {
  const state = reachable === false ? "did not answer" : setAside ? "set aside" : newcomer ? "new" : "";
  return [isPicked ? "picked" : `place ${place}`, state].filter(Boolean).join(", ");
}

function podHead(pod, note) {
  return el(
    "th",
    { role: "rowheader", scope: "row" },
    el("span", { class: "name", title: pod }, middleOf(pod)),
    note === "" ? null : el("small", null, note),
  );
}

/** The first rows of a long table, the others behind a button. */
function withMore(name, note, table, body) {
  const rows = [...body.children];
  const section = el("section", null, el("h3", null, name, " ", el("small", { class: "soft" }, note)), table);
  if (rows.length <= SHOWN) return section;
  for (const row of rows.slice(SHOWN)) row.hidden = true;
  const more = el("button", { type: "button", class: "more" }, `Show all ${rows.length}`);
  more.addEventListener("click", () => {
    for (const row of rows) row.hidden = false;
    more.remove();
  });
  section.append(more);
  return section;
}

function absentList(absent) {
  const items = absent.map(({ pod, why }) => el("li", null, el("span", { class: "name" }, pod), `: ${why}`));
  return el("section", null, el("h3", null, "Not among the candidates"), el("ul", { class: "absent" }, ...items));
}
