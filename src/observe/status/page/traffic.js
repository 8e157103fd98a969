/** Traffic now: rates between answers of the picker, and the last minutes as a line. Kept by the page alone. */
import { el, setText } from "./dom.js";
import { millisecondsOf, numberOf, rateOf } from "./format.js";

/** Rates are of so many seconds, times of so many, and the line goes back so many answers. */
const RATE_SECONDS = 5;
const TIMES_SECONDS = 30;
const LINE_POINTS = 180;
const WIDTH = 180;
const HEIGHT = 36;

export class Traffic {
  #samples = [];
  #line = [];
  #tiles;
  #path;

  constructor(list) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("aria-hidden", "true");
    this.#path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    svg.append(this.#path);
    const tile = (name, extra) => {
      const [value, note] = [el("b", null, "–"), el("small")];
      list.append(el("div", { "data-tile": name }, el("dt", null, name), el("dd", null, value, note, extra)));
      return { value, note };
    };
    this.#tiles = {
      picks: tile("Picks per second", svg),
      refusals: tile("Refused per second"),
      time: tile("Time of a pick"),
      flight: tile("Requests in flight"),
      share: tile("Prompt found cached"),
    };
  }

  /** After a restart the counts begin anew: differences to before mean nothing. */
  reset() {
    this.#samples = [];
  }

  update({ traffic, pods }, atMs) {
    this.#samples.push({ ...traffic, atMs });
    while (this.#samples.length > 2 && atMs - this.#samples[0].atMs > TIMES_SECONDS * 1000) this.#samples.shift();
    const before = this.#samples.find((each) => atMs - each.atMs <= RATE_SECONDS * 1000) ?? this.#samples[0];
    const seconds = (atMs - before.atMs) / 1000;
    const rate = (now, then) => (seconds > 0 ? Math.max(0, now - then) / seconds : null);
    const picks = rate(traffic.picks, before.picks);
    this.#tell("picks", picks === null ? "–" : rateOf(picks), `${numberOf(traffic.picks)} since the start`);
    this.#refusals(rate(traffic.refusals, before.refusals), traffic);
    this.#times(traffic.pickSeconds, this.#samples[0].pickSeconds);
    const inFlight = pods.reduce((sum, pod) => sum + (pod.inFlight ?? 0), 0);
    this.#tell(
      "flight",
      numberOf(inFlight),
      traffic.openStreams === 1 ? "1 stream open" : `${numberOf(traffic.openStreams)} streams open`,
    );
    this.#cached(pods);
    this.#draw(picks);
  }

  #refusals(rate, { refusals, byCode }) {
    const codes = Object.entries(byCode).toSorted(([, a], [, b]) => b - a);
    const which =
      codes.length === 0 ? "" : `: ${codes[0][0].replaceAll("_", " ")}${codes.length > 1 ? ", others" : ""}`;
    const note = refusals === 0 ? "none since the start" : `${numberOf(refusals)} in all${which}`;
    this.#tell("refusals", rate === null ? "–" : rateOf(rate), note);
    this.#tiles.refusals.value.dataset.tone = rate > 0 ? "watch" : "";
  }

  /** By the buckets of the histogram, of the last half minute. */
  #times(now, then) {
    const counts = now.counts.map((count, at) => count - (then.counts[at] ?? 0));
    const total = counts.reduce((sum, count) => sum + count, 0);
    if (total <= 0) return this.#tell("time", "–", "no pick in the last half minute");
    let [seen, at] = [counts[0], 0];
    while (at < counts.length && seen < total * 0.99) seen += counts[++at];
    const bound = now.bounds[at];
    const slow =
      bound === undefined
        ? `1 in 100 above ${millisecondsOf(now.bounds.at(-1) * 1000)}`
        : `99 of 100 within ${millisecondsOf(bound * 1000)}`;
    this.#tell("time", millisecondsOf(((now.sum - then.sum) / total) * 1000), slow);
  }

  #cached(pods) {
    const known = pods.filter(({ prefixHit }) => prefixHit !== null);
    const picks = known.reduce((sum, pod) => sum + pod.recentPicks, 0);
    if (picks === 0) return this.#tell("share", "–", "no prompt looked up lately");
    const share = known.reduce((sum, pod) => sum + pod.prefixHit * pod.recentPicks, 0) / picks;
    this.#tell("share", `${Math.round(share * 100)}\u202f%`, `mean of the last ${picks} picks`);
  }

  #tell(name, value, note) {
    setText(this.#tiles[name].value, value);
    setText(this.#tiles[name].note, note);
  }

  #draw(picks) {
    if (picks !== null) this.#line.push(picks);
    if (this.#line.length > LINE_POINTS) this.#line.shift();
    if (this.#line.length < 2) return;
    const top = Math.max(...this.#line, 1);
    const left = WIDTH - ((this.#line.length - 1) * WIDTH) / (LINE_POINTS - 1);
    const points = this.#line.map((value, at) => {
      const x = left + (at * WIDTH) / (LINE_POINTS - 1);
      return `${x.toFixed(1)} ${(HEIGHT - 1 - (value / top) * (HEIGHT - 3)).toFixed(1)}`;
    });
    this.#path.setAttribute("d", `M${left.toFixed(1)} ${HEIGHT}L${points.join("L")}L${WIDTH} ${HEIGHT}Z`);
  }
}
