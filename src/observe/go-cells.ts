/** Finds the cells of a request's model and flow, so that a request costs a few look-ups and no text. */
import { BoundedLabel } from "./bounded-label.ts";
import type { Cell, HistogramCell, HistogramFamily, ValueFamily, Values } from "./families.ts";
import type { GoFamilies } from "./go-families.ts";

/** As many models, and as many tenants, have labels of their own. */
const MOST_VALUES = 1000;

/** Whose request it is, where nobody says. */
export const DEFAULT_FAIRNESS = "default-flow";

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

export class CellBook {
  readonly #models: BoundedLabel;
  readonly #tenants = new BoundedLabel(MOST_VALUES);
  /** Those without tenant and priority, and the others by both. */
  readonly #plain: ByModel = new Map();
  readonly #flows = new Map<string, ByModel>();

  /** Names that `isKnown` are told whatever else clients write. */
  constructor(isKnown: (model: string) => boolean) {
    this.#models = new BoundedLabel(MOST_VALUES, isKnown);
  }

  modelLabel(model: string): string {
    return this.#models.bound(model);
  }

  /** `fairness` is "" where nobody says whose request it is. */
  tenantLabel(fairness: string): string {
    return fairness === "" ? DEFAULT_FAIRNESS : this.#tenants.bound(fairness);
  }

  of(model: string, target: string, fairness: string, priority: number): RequestCells {
    const modelLabel = this.#models.bound(model);
    const targetLabel = target === model ? modelLabel : this.#models.bound(target);
    const isPlain = priority === 0 && (fairness === "" || fairness === DEFAULT_FAIRNESS);
    const tenant = isPlain ? DEFAULT_FAIRNESS : this.tenantLabel(fairness);
    const byModel = isPlain ? this.#plain : this.#flow(`${priority} ${tenant}`);
    let byTarget = byModel.get(modelLabel);
    if (byTarget === undefined) {
      byTarget = new Map();
      byModel.set(modelLabel, byTarget);
    }
    let cells = byTarget.get(targetLabel);
    if (cells === undefined) {
      cells = new RequestCells([modelLabel, targetLabel, tenant, String(priority)]);
      byTarget.set(targetLabel, cells);
    }
    return cells;
  }

  #flow(key: string): ByModel {
    let flow = this.#flows.get(key);
    if (flow === undefined) {
      flow = new Map();
      this.#flows.set(key, flow);
    }
    return flow;
  }
}
