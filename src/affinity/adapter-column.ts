/**
 * Owner of the request column adapterState: where the request's LoRA adapter is, and where there is room for it.
 *
 * An engine's page names the adapters of requests at hand, no idle ones, though these stay loaded until others push
 * them out. So the latest adapters sent to each pod are remembered, as many as the pod holds at once.
 */
import type { Pod, PodTable, Slot } from "../pods/pod-table.ts";
import type { ModelEntry, ServedModels } from "../pods/served-models.ts";
import type { Lesson } from "../prefix/prefix-index.ts";
import type { InferenceRequest } from "../request/inference-request.ts";
import type { PodFacts } from "../scrape/pod-facts.ts";

type AdapterFacts = Pick<PodFacts, "lora" | "startedAtSeconds">;

export interface AdapterParts {
  readonly table: PodTable;
  readonly models: ServedModels;
  /** undefined: the pod has not told anything. */
  readonly facts: (pod: Pod) => AdapterFacts | undefined;
}

const LOADED = 3;
const ROOM = 2;
const WAITS = 1;
const FULL = 0;

/** Adapters remembered of a pod that does not say how many it holds, and most for any pod. */
const HELD_IF_UNTOLD = 1;
const MOST_HELD = 256;

/** What was sent to one process of a pod. */
interface Sent {
  /** Longest unused first. */
  readonly adapters: Set<string>;
  readonly startedAtSeconds: number;
}

export class AdapterColumn {
  readonly #parts: AdapterParts;
  readonly #sent: (Sent | undefined)[] = [];
  /** Of the request last filled: its adapter, "" where it asks for none that is known as one. */
  #adapter = "";
  /** The adapters in a list of models; pods with equal lists share one. */
  readonly #adaptersIn = new WeakMap<readonly ModelEntry[], ReadonlySet<string>>();

  constructor(parts: AdapterParts) {
    this.#parts = parts;
    parts.table.onLeave(({ slot }) => {
      this.#sent[slot] = undefined;
    });
  }

  fill(request: InferenceRequest, slots: Int32Array, size: number, out: Float64Array): void {
    const model = request.adapter || request.model;
    let isAdapter = request.adapter !== "";
    for (let row = 0; row < size; row++) {
      const pod = this.#parts.table.podAt((slots[row] ?? -1) as Slot);
      const facts = pod && this.#parts.facts(pod);
      const lora = facts?.lora;
      if (lora?.running.has(model) || lora?.waiting.has(model)) isAdapter = true;
      isAdapter ||= pod !== undefined && this.#lists(pod, model);
      if (pod === undefined || model === "") out[row] = Number.NaN;
      else out[row] = this.#sentTo(pod, facts)?.adapters.has(model) ? LOADED : stateOf(model, lora);
    }
    this.#adapter = isAdapter ? model : "";
  }

  /** A base model takes no place among the adapters and is not remembered. */
  learn(slot: Slot): undefined {
    if (this.#adapter !== "") this.#send(this.#adapter, slot);
  }

  keep(): Lesson | undefined {
    const adapter = this.#adapter;
    return adapter === "" ? undefined : (slot) => this.#send(adapter, slot);
  }

  #send(adapter: string, slot: Slot): undefined {
    const pod = this.#parts.table.podAt(slot);
    if (pod === undefined) return;
    const facts = this.#parts.facts(pod);
    const sent = this.#sentTo(pod, facts) ?? { adapters: new Set(), startedAtSeconds: startOf(facts) };
    this.#sent[slot] = sent;
    sent.adapters.delete(adapter);
    sent.adapters.add(adapter);
    const max = facts?.lora?.max ?? Number.NaN;
    const held = max >= 1 ? Math.min(max, MOST_HELD) : HELD_IF_UNTOLD;
    for (const oldest of sent.adapters) {
      if (sent.adapters.size <= held) break;
      sent.adapters.delete(oldest);
    }
  }

  /** Nothing where another process answers by now. */
  #sentTo({ slot }: Pod, facts: AdapterFacts | undefined): Sent | undefined {
    const sent = this.#sent[slot];
    if (sent === undefined) return undefined;
    const isAnother = Math.abs(sent.startedAtSeconds - startOf(facts)) > 0;
    return isAnother ? undefined : sent;
  }

  /** An adapter's entry in /v1/models names its base model as parent. */
  #lists(pod: Pod, model: string): boolean {
    const entries = this.#parts.models.of(pod)?.entries;
    if (entries === undefined) return false;
    const known = this.#adaptersIn.get(entries);
    if (known !== undefined) return known.has(model);
    const adapters = entries.filter(({ parent }) => typeof parent === "string" && parent !== "");
    const ids = new Set(adapters.map(({ id }) => id));
    this.#adaptersIn.set(entries, ids);
    return ids.has(model);
  }
}

function startOf(facts: AdapterFacts | undefined): number {
  return facts?.startedAtSeconds ?? Number.NaN;
}

/** By the page alone; the order is the Go picker's, which gives room before it asks what waits. */
function stateOf(adapter: string, lora: AdapterFacts["lora"]): number {
  if (lora?.running.has(adapter)) return LOADED;
  if (lora === undefined || Number.isNaN(lora.max)) return Number.NaN;
  if (lora.running.size + lora.waiting.size < lora.max) return ROOM;
  return lora.waiting.has(adapter) ? WAITS : FULL;
}
