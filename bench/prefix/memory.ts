/** A process that sends unique prompts to pods whose caches are full, and watches its own memory. */
import type { Slot } from "../../src/pods/pod-table.ts";
import { PrefixColumn } from "../../src/prefix/prefix-column.ts";
import { type Pin, PrefixIndex } from "../../src/prefix/prefix-index.ts";
import { parseBody } from "../../src/request/parse-body.ts";

export interface MemoryOrder {
  readonly blockTokens: number;
  readonly pods: number;
  readonly prompts: number;
  readonly promptBytes: number;
}

export interface MemoryFigures {
  /** Resident memory after a fifth of the prompts, its most from then on, and at the end. */
  readonly warmBytes: number;
  readonly mostBytes: number;
  readonly lastBytes: number;
  readonly usedBytes: number;
  readonly limitBytes: number;
  readonly entries: number;
  readonly evictions: number;
  /** Parsed, hashed, looked up and recorded. */
  readonly microsPerPrompt: number;
}

const BUDGET_BYTES = 256 * 2 ** 20;
/** KV cache of a pod: an 8B model on one large GPU. */
const POD_TOKENS = 400_000;
const IN_FLIGHT = 200;
const SAMPLES = 100;
const MARK = "0000000000000000";
const GENERATION = 1;

class UniquePrompts {
  readonly #body: Buffer;
  readonly #at: number;

  constructor(bytes: number) {
    const sentence = "The picker reads the head of each prompt, then it asks which pod has seen it before. ";
    const content = MARK + sentence.repeat(Math.ceil(bytes / sentence.length)).slice(0, bytes - MARK.length);
    this.#body = Buffer.from(JSON.stringify({ model: "m", messages: [{ role: "user", content }] }));
    this.#at = this.#body.indexOf(MARK);
  }

  /** The body is used again, as a server's buffers are. */
  next(number: number): ReturnType<typeof parseBody> {
    this.#body.write(String(number).padStart(MARK.length, "0"), this.#at);
    return parseBody("chat", this.#body, false);
  }
}

function run({ blockTokens, pods, prompts, promptBytes }: MemoryOrder): MemoryFigures {
  const index = new PrefixIndex({ budgetBytes: BUDGET_BYTES, pods: { isCurrent: () => true } });
  const column = new PrefixColumn(index);
  const unique = new UniquePrompts(promptBytes);
  const slots = Int32Array.from({ length: pods }, (_, slot) => slot);
  const hits = new Float64Array(pods);
  for (const slot of slots) index.resize(slot as Slot, GENERATION, { blockTokens, blocks: POD_TOKENS / blockTokens });
  const inFlight: (Pin | undefined)[] = [];
  const samples: number[] = [];
  const before = process.cpuUsage();
  for (let prompt = 0; prompt < prompts; prompt++) {
    const request = unique.next(prompt);
    if ("code" in request) throw new Error(request.code);
    column.fill(request, slots, pods, hits);
    inFlight.push(column.learn((prompt % pods) as Slot, GENERATION));
    if (inFlight.length > IN_FLIGHT) index.release(inFlight.shift());
    if (prompt % Math.ceil(prompts / SAMPLES) === 0) samples.push(process.memoryUsage.rss());
  }
  const used = process.cpuUsage(before);
  const warm = Math.floor(samples.length / 5);
  return {
    warmBytes: samples[warm] ?? 0,
    mostBytes: Math.max(...samples.slice(warm)),
    lastBytes: samples.at(-1) ?? 0,
    usedBytes: index.usedBytes,
    limitBytes: index.limitBytes,
    entries: index.entries,
    evictions: index.evictions,
    microsPerPrompt: (used.user + used.system) / prompts,
  };
}

process.once("message", (order: MemoryOrder) => {
  process.send?.(run(order));
  process.disconnect?.();
});
