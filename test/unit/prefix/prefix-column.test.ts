import { describe, expect, test } from "vitest";
import type { Slot } from "../../../src/pods/pod-table.ts";
import { PrefixColumn } from "../../../src/prefix/prefix-column.ts";
import { PrefixIndex } from "../../../src/prefix/prefix-index.ts";
import { keysOfIds } from "../../../src/prefix/prompt-ids.ts";
import { bodylessRequest, type InferenceRequest } from "../../../src/request/inference-request.ts";
import { requestOf } from "../../support/prompt-text.ts";

const slots = Int32Array.of(3, 8);

function columnWithIndex(): { column: PrefixColumn; index: PrefixIndex } {
  const index = new PrefixIndex({ budgetBytes: 2 ** 20, pods: { isCurrent: () => true } });
  return { column: new PrefixColumn(index), index };
}

function filled(column: PrefixColumn, request: InferenceRequest): number[] {
  const out = new Float64Array(2).fill(Number.NaN);
  column.fill(request, slots, 2, out);
  return [...out];
}

function turns(...contents: string[]): InferenceRequest {
  const messages = contents.map((content) => ({ role: "user", content }));
  return requestOf("chat", JSON.stringify({ model: "m", messages }));
}

describe("PrefixColumn", () => {
  test("after a pick gives that pod all of the same prompt and most of the next turn", () => {
    const { column } = columnWithIndex();
    const first = "x".repeat(892);
    expect(filled(column, turns(first))).toEqual([0, 0]);
    column.learn(8 as Slot, 1);
    // Never the last byte, so never the last block where the prompt ends with it.
    expect(filled(column, turns(first))).toEqual([0, 832 / 896]);
    expect(filled(column, turns(first, "y".repeat(96)))).toEqual([0, 896 / 996]);
    expect(filled(column, turns("other"))).toEqual([0, 0]);
  });

  test("is 0 everywhere for a request without a prompt, and learns nothing from it", () => {
    const { column, index } = columnWithIndex();
    filled(column, turns("a"));
    expect(filled(column, bodylessRequest)).toEqual([0, 0]);
    column.learn(3 as Slot, 1);
    expect(index.entries).toBe(0);
  });

  test("learns once per fill", () => {
    const { column, index } = columnWithIndex();
    const prompt = turns("x".repeat(100));
    filled(column, prompt);
    const pin = column.learn(3 as Slot, 1);
    expect(column.learn(8 as Slot, 1)).toBeUndefined();
    expect([index.entries, index.pinned]).toEqual([1, 1]);
    const [held, notHeld] = filled(column, prompt);
    expect(held).toBeGreaterThan(0);
    expect(notHeld).toBe(0);
    index.release(pin);
    expect([index.entries, index.pinned]).toEqual([1, 0]);
  });

  test("keeps what a prompt teaches for a pod that is told when others have been asked about", () => {
    const { column, index } = columnWithIndex();
    const prompt = () => turns("x".repeat(892));
    filled(column, prompt());
    const lesson = column.keep();
    expect(column.learn(3 as Slot, 1)).toBeUndefined();
    filled(column, turns("y".repeat(2_000)));
    expect(index.entries).toBe(0);
    const pin = lesson?.(8 as Slot, 1);
    expect(index.pinned).toBe(index.entries);
    index.release(pin);
    expect(filled(column, prompt())).toEqual([0, 832 / 896]);
    filled(column, bodylessRequest);
    expect(column.keep()).toBeUndefined();
  });

  test("takes keys from somewhere else than the prompt's text, in the size of the pods' blocks", () => {
    const index = new PrefixIndex({ budgetBytes: 2 ** 20, pods: { isCurrent: () => true } });
    const prompt = { ids: [7, 8], idTokens: 512, tokens: 1000 };
    const column = new PrefixColumn(index, (_, keys, blockBytes) => keysOfIds(prompt, keys, blockBytes));
    for (const slot of slots) index.resize(slot as Slot, 1, { blockTokens: 32, blocks: 1000 });
    filled(column, bodylessRequest);
    column.learn(8 as Slot, 1);
    expect(index.entries).toBe(31);
    expect(filled(column, bodylessRequest)).toEqual([0, (31 * 32) / 1000]);
  });
});
