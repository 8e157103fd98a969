/** What the picker tells of itself: samples of its metrics page, and its pods. */
import { isRecord, type Quote } from "../place.ts";
import { atMostRisk, weightOfCount } from "../weight.ts";

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly quote: Quote;
}

export interface PickerPages {
  readonly samples: readonly Sample[];
  /** The body of /debug/pods; empty where it was not given. */
  readonly pods: readonly Readonly<Record<string, unknown>>[];
  readonly source: string;
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** A page in the text format of Prometheus. */
export function readSamples(page: string, source: string): Sample[] {
  return page.split("\n").flatMap((text, index) => {
    const [, name, labels = "", value] = LINE.exec(text) ?? [];
    if (name === undefined || value === undefined) return [];
    const pairs = [...labels.matchAll(LABEL)].map(([, key = "", written = ""]) => [key, unescaped(written)]);
    const quote = { source, line: index + 1, text };
    return [{ name, labels: Object.fromEntries(pairs), value: Number(value), quote }];
  });
}

export function readPods(tree: unknown): Readonly<Record<string, unknown>>[] {
  const list = isRecord(tree) && "pods" in tree ? tree["pods"] : tree;
  return Array.isArray(list) ? list.filter(isRecord) : [];
}

/** Of refusals that it counted: among all that it picked and refused. Without an access log it is at most a risk. */
export function weightOfRefusals(counted: Sample | undefined, picker: PickerPages | undefined): "risk" | "past" {
  const sumOf = (name: string) =>
    (picker?.samples ?? []).reduce((sum, sample) => (sample.name === name ? sum + sample.value : sum), 0);
  const all = sumOf("pointsman_picks_total") + sumOf("pointsman_refusals_total");
  return atMostRisk(weightOfCount(counted?.value ?? 0, all));
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, (_, letter: string) => (letter === "n" ? "\n" : letter));
}
