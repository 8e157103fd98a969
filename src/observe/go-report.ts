/** What becomes of requests -> the Go picker's metrics. Called on the hot path where these are asked for, else never. */
import type { Ticket } from "../accounting/in-flight.ts";
import { type ErrorCode, errorCodes } from "../errors.ts";
import type { RequestRecord } from "../ext-proc/stream-host.ts";
import type { Pod } from "../pods/pod-table.ts";
import { BY_HEADER } from "../rewrite/rewriter.ts";
import type { Refusal } from "../routing/choose-pool.ts";
import type { ModelRewrite, Picked } from "../routing/decision.ts";
import { BYTES_PER_TOKEN } from "../scorer.ts";
import { BoundedLabel } from "./bounded-label.ts";
import type { Cell, HistogramCell } from "./families.ts";
import { CellBook, DEFAULT_FAIRNESS, type RequestCells } from "./go-cells.ts";
import { type GoFamilies, goFamilies } from "./go-families.ts";
import { FlowTickets } from "./go-flows.ts";
import { GoRequest } from "./go-request.ts";
import { errorWord, grpcWord, POD_ERROR } from "./go-words.ts";

export interface GoReportParts {
  readonly now: () => number;
  /** Is it the name of a model that pods serve, or that the configuration names? */
  readonly isKnownModel: (model: string) => boolean;
  /** Where the pods of a pool live in Kubernetes; "" where that says nothing. */
  readonly namespaceOf: (pool: string) => string;
}

/** The plugin there that does what the prefix index does here. */
export const indexPlugin = ["approx-prefix-cache-producer", "approx-prefix-cache-producer"];
const MOST_PODS = 1000;

/** Refusals for want of a pod; what is refused before that was no attempt to find one. */
const noPodFound: ReadonlySet<ErrorCode> = new Set([
  "no_pods",
  "no_pod_left",
  "subset_empty",
  "filter_empty",
  "saturated",
]);

export class GoReport {
  readonly families: GoFamilies = goFamilies();
  readonly flows = new FlowTickets();
  readonly now: () => number;
  readonly #namespaceOf: GoReportParts["namespaceOf"];
  readonly #book: CellBook;
  readonly #pods = new BoundedLabel(MOST_PODS);
  readonly #attempts = new WeakMap<Pod, Map<string, Cell>>();
  /** Of families without labels, and of the index's. */
  readonly #scheduler: HistogramCell;
  readonly #requestProcessing: HistogramCell;
  readonly #responseProcessing: HistogramCell;
  readonly #streamSeconds: HistogramCell;
  readonly #hitRatio: HistogramCell;
  readonly #hitBytes: HistogramCell;

  constructor({ now, isKnownModel, namespaceOf }: GoReportParts) {
    this.now = now;
    this.#namespaceOf = namespaceOf;
    this.#book = new CellBook(isKnownModel);
    const { families } = this;
    this.#scheduler = families.schedulerSeconds.cell([]);
    this.#requestProcessing = families.requestProcessing.cell([]);
    this.#responseProcessing = families.responseProcessing.cell([]);
    this.#streamSeconds = families.streamSeconds.cell([]);
    this.#hitRatio = families.hitRatio.cell(indexPlugin);
    this.#hitBytes = families.hitBytes.cell(indexPlugin);
  }

  open(): RequestRecord {
    return new GoRequest(this, this.now());
  }

  routed(tookMs: number): void {
    this.#scheduler.observe(tookMs / 1000);
  }

  /** The cells that the request counts in until it ends. */
  picked(decision: Picked, elapsedMs: number, fairness: string, ticket: Ticket | undefined): RequestCells {
    const { model, rewrite, priority = 0 } = decision;
    const target = targetOf(model, rewrite);
    const cells = this.#book.of({ model, target, fairness, priority, isTargetAsked: rewrite?.by === BY_HEADER });
    cells.count(this.families.requests).value++;
    cells.count(this.families.running).value++;
    this.#attempt(decision, cells.target).value++;
    this.#requestProcessing.observe(elapsedMs / 1000);
    this.#notePrefix(decision);
    if (rewrite !== undefined && rewrite.by !== BY_HEADER) this.#noteRewrite(rewrite, cells);
    const [, , tenant = "", priorityLabel = ""] = cells.values;
    const isPlain = tenant === DEFAULT_FAIRNESS && priority === 0;
    if (!isPlain && ticket !== undefined) this.flows.add(ticket, tenant, priorityLabel);
    return cells;
  }

  /** The request is over, or its stream at least. */
  left(cells: RequestCells, hasFailed: boolean): void {
    cells.count(this.families.running).value--;
    if (hasFailed) this.families.requestErrors.cell([...cells.values, POD_ERROR]).value++;
  }

  refused({ code, model = "" }: Refusal, fairness: string, isInference: boolean): void {
    const [label, tenant] = this.#book.ofRefused(model, fairness, code === "model_not_found");
    const word = errorWord(errorCodes[code].status);
    this.families.requestErrors.cell([label, label, tenant, "0", word]).value++;
    if (isInference && noPodFound.has(code)) this.families.attempts.cell(["failure", label, "", "", ""]).value++;
  }

  streamEnded(status: number, lastedMs: number): void {
    this.#streamSeconds.observe(lastedMs / 1000);
    this.families.streams.cell([grpcWord(status)]).value++;
  }

  answerProcessed(tookMs: number): void {
    this.#responseProcessing.observe(tookMs / 1000);
  }

  #attempt({ pod, pool }: Picked, target: string): Cell {
    let byTarget = this.#attempts.get(pod);
    if (byTarget === undefined) {
      byTarget = new Map();
      this.#attempts.set(pod, byTarget);
    }
    let cell = byTarget.get(target);
    if (cell === undefined) {
      const port = pod.address.slice(pod.address.lastIndexOf(":") + 1);
      const name = this.#pods.bound(pod.name);
      const label = this.#book.attemptLabel(target, name);
      cell = this.families.attempts.cell(["success", label, name, this.#namespaceOf(pool.name), port]);
      byTarget.set(target, cell);
    }
    return cell;
  }

  #notePrefix({ predictedHit, uncachedTokens }: Picked): void {
    if (Number.isNaN(predictedHit)) return;
    this.#hitRatio.observe(predictedHit);
    // At least one byte of a prompt is left to compute, so that the share is below 1.
    const promptTokens = predictedHit < 1 ? uncachedTokens / (1 - predictedHit) : 0;
    this.#hitBytes.observe(Math.round(promptTokens * predictedHit * BYTES_PER_TOKEN));
  }

  #noteRewrite({ by, target }: ModelRewrite, { model }: RequestCells): void {
    const object = by.slice(by.indexOf("/") + 1);
    this.families.rewrites.cell([object, model, this.#book.modelLabel(target)]).value++;
  }
}

/** The name that the pod sees. */
function targetOf(model: string, rewrite: ModelRewrite | undefined): string {
  if (rewrite === undefined) return model;
  const { outcome, target } = rewrite;
  return outcome === "written" || outcome === "routed" || outcome === "same" ? target : model;
}
