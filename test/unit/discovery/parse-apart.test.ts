import { beforeEach, describe, expect, test, vi } from "vitest";
import { parseApart } from "../../../src/discovery/parse-apart.ts";
import { parsePodFile } from "../../../src/discovery/read-pod-file.ts";

/** In this thread alone: the other has modules of its own. */
vi.mock(import("../../../src/discovery/read-pod-file.ts"), async (original) => {
  const whole = await original();
  return { ...whole, parsePodFile: vi.fn(whole.parsePodFile) };
});
beforeEach(() => {
  vi.mocked(parsePodFile).mockClear();
});

const pods = Array.from({ length: 200 }, (_, i) => ({ name: `pod-${i}`, address: `10.0.0.${i}:80` }));
const { signal } = new AbortController();
const read = (text: string, given = signal) => parseApart(Buffer.from(text), "pods.yaml", given);
const written = (form: string, some = pods) =>
  `${form}:\n${some.map(({ name, address }) => `- ${name}=${address}\n`).join("")}`;

describe("parseApart", () => {
  test("reads a large file in another thread", async () => {
    expect(await read(written("pods"))).toEqual({ pods });
    expect(parsePodFile).not.toHaveBeenCalled();
  });

  test("brings the faults of a large file over", async () => {
    const { faults } = (await read(written("podz"))) as { faults: unknown };
    expect(faults).toEqual([expect.objectContaining({ path: "pods.yaml:1:1 podz", hint: "pods" })]);
    expect(parsePodFile).not.toHaveBeenCalled();
  });

  test("reads a small file where it is called", async () => {
    expect(await read(written("pods", pods.slice(0, 3)))).toEqual({ pods: pods.slice(0, 3) });
    expect(parsePodFile).toHaveBeenCalledOnce();
  });

  test("gives up where nobody waits any more", async () => {
    await expect(read(written("pods"), AbortSignal.abort())).rejects.toThrow(/abort/i);
  });
});
