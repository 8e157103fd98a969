/** Finds the cells of a request's model and flow, so that a request costs a few look-ups and no text. */
import { BoundedLabel, OTHER } from "./bounded-label.ts";
import type { Cell, HistogramCell, HistogramFamily, ValueFamily, Values } from "./families.ts";
import type { GoFamilies } from "./go-families.ts";
import { labelCaps } from "./go-label-caps.ts";

/** Whose request it is, where nobody says. */
export const DEFAULT_FAIRNESS = "default-flow";

/** Pairs of label values, as many as come first. */
class CappedPairs {
  readonly #most: number;
  readonly #taken = new Set<string>();

  constructor(most: number) {
    this.#most = most;
  }

  takes(one: string, other: string): boolean {
    const key = `${one}\u0000${other}`;
    if (this.#taken.has(key)) return true;
    if (this.#taken.size >= this.#most) return false;
    this.#taken.add(key);
    return true;
  }
}

/** The cells of one model, target and flow, each made when it is first needed. */
export class RequestCells {
  readonly model: string;
  readonly target: string;
  /** In the order of the catalogue's labels. */
  readonly values: Values;
  readonly #histograms = new Map<HistogramFamily, HistogramCell>();
  readonly #counts = new Map<ValueFamily, Cell>();
  #streaming: HistogramCell | undefined;
  #whole: HistogramCell | undefined;

  constructor(values: Values) {
    this.values = values;
    [this.model = "", this.target = ""] = values;
  }

  histogram(family: HistogramFamily): HistogramCell {
    let cell = this.#histograms.get(family);
    if (cell === undefined) {
      cell = family.cell(this.values);
      this.#histograms.set(family, cell);
    }
    return cell;
  }

  count(family: ValueFamily): Cell {
    let cell = this.#counts.get(family);
    if (cell === undefined) {
      cell = family.cell(this.values);
      this.#counts.set(family, cell);
    }
    return cell;
  }

  ttft({ ttftSeconds }: GoFamilies, streams: boolean): HistogramCell {
    if (streams) {
      this.#streaming ??= ttftSeconds.cell([...this.values, "true"]);
      return this.#streaming;
    }
    this.#whole ??= ttftSeconds.cell([...this.values, "false"]);
    return this.#whole;
  }
}

type ByModel = Map<string, Map<string, RequestCells>>;

export interface RequestLabels {
  readonly model: string;
  readonly target: string;
  /** Whose request it is; "" where nobody says. */
  readonly fairness: string;
  readonly priority: number;
  /** Does the client itself choose the target? Those that rules choose are as few as the rules. */
  readonly isTargetAsked?: boolean;
}

export class CellBook {
  readonly #isKnown: (model: string) => boolean;
  readonly #models: BoundedLabel;
  readonly #tenants = new BoundedLabel(labelCaps.tenants);
  /** Those without tenant and priority, and the others by both. */
  readonly #plain: ByModel = new Map();
  readonly #flows = new Map<string, ByModel>();
  /** Cells made of what clients chose. */
  #chosen = 0;
  readonly #refused = new CappedPairs(labelCaps.refusals);
  readonly #attempted = new CappedPairs(labelCaps.attempts);

  /** Names that `isKnown` are told whatever else clients write. */
  constructor(isKnown: (model: string) => boolean) {
    this.#isKnown = isKnown;
    this.#models = new BoundedLabel(labelCaps.models, isKnown);
  }

  modelLabel(model: string): string {
    return this.#models.bound(model);
  }

  /** The label of a model in what is told by pod as well. */
  attemptLabel(model: string, pod: string): string {
    return this.#isFew(model) || this.#attempted.takes(pod, model) ? model : OTHER;
  }

  of({ model, target, fairness, priority, isTargetAsked = false }: RequestLabels): RequestCells {
    const modelLabel = this.#models.bound(model);
    const targetLabel = target === model ? modelLabel : this.#models.bound(target);
    const tenant = this.#tenantLabel(fairness);
    const known = this.#find(modelLabel, targetLabel, tenant, priority);
    if (known !== undefined) return known;
    const isConfigured =
      (targetLabel === modelLabel || !isTargetAsked) && this.#isFew(modelLabel) && this.#isFew(targetLabel);
    if (isConfigured && !isOwn(tenant)) return this.#make(modelLabel, targetLabel, tenant, priority);
    if (this.#chosen < labelCaps.cells) {
      this.#chosen++;
      return this.#make(modelLabel, targetLabel, tenant, priority);
    }
    // The tenant goes first: models that are known keep their series whatever clients write.
    const [foldedModel, foldedTarget] = isConfigured ? [modelLabel, targetLabel] : [OTHER, OTHER];
    return (
      this.#find(foldedModel, foldedTarget, OTHER, priority) ?? this.#make(foldedModel, foldedTarget, OTHER, priority)
    );
  }

  /** Labels of model and tenant for a request that no pod was picked for. */
  ofRefused(model: string, fairness: string, isUnknown: boolean): readonly [model: string, tenant: string] {
    // Refused for its name: it is nobody's model, and whoever writes it could write any other.
    const modelLabel = isUnknown && !this.#isKnown(model) ? OTHER : this.#models.bound(model);
    const tenant = this.#tenantLabel(fairness);
    const isFew = this.#isFew(modelLabel);
    if (isFew && !isOwn(tenant)) return [modelLabel, tenant];
    return this.#refused.takes(tenant, modelLabel) ? [modelLabel, tenant] : [isFew ? modelLabel : OTHER, OTHER];
  }

  /** Is it none that clients make up? */
  #isFew(modelLabel: string): boolean {
    return modelLabel === "" || modelLabel === OTHER || this.#isKnown(modelLabel);
  }

  #tenantLabel(fairness: string): string {
    return fairness === "" || fairness === DEFAULT_FAIRNESS ? DEFAULT_FAIRNESS : this.#tenants.bound(fairness);
  }

  #find(model: string, target: string, tenant: string, priority: number): RequestCells | undefined {
    const isPlain = priority === 0 && tenant === DEFAULT_FAIRNESS;
    const byModel = isPlain ? this.#plain : this.#flows.get(`${priority} ${tenant}`);
    return byModel?.get(model)?.get(target);
  }

  #make(model: string, target: string, tenant: string, priority: number): RequestCells {
    const cells = new RequestCells([model, target, tenant, String(priority)]);
    const isPlain = priority === 0 && tenant === DEFAULT_FAIRNESS;
    const byModel = isPlain ? this.#plain : entry(this.#flows, `${priority} ${tenant}`);
    entry(byModel, model).set(target, cells);
    return cells;
  }
}

/** Is it the label of one tenant, and neither that of all without one nor that of those beyond the cap? */
function isOwn(tenant: string): boolean {
  return tenant !== DEFAULT_FAIRNESS && tenant !== OTHER;
}

function entry<V>(of: Map<string, Map<string, V>>, key: string): Map<string, V> {
  let inner = of.get(key);
  if (inner === undefined) {
    inner = new Map();
    of.set(key, inner);
  }
  return inner;
}
