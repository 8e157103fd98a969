/** deploy/sizing.ts: its figures are those that the benches found, and the manifests ask for what it says. */
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import * as sizing from "../../deploy/sizing.ts";
import { serveOptions } from "../../src/config/options.ts";
import { mib } from "./sizing-tables.ts";
import { readSource } from "./tree.ts";

const results = readSource("bench/RESULTS.md");

/** The part of RESULTS.md that a bench has written. */
function section(name: string): string {
  const text = new RegExp(`<!-- ${name}:begin -->([\\s\\S]*)<!-- ${name}:end -->`).exec(results)?.[1];
  if (text === undefined) throw new Error(`bench/RESULTS.md has no ${name}`);
  return text;
}

function measured(name: string, pattern: RegExp): number {
  const found = pattern.exec(section(name))?.[1];
  if (found === undefined) throw new Error(`${name} in bench/RESULTS.md has no ${pattern}`);
  return Number(found);
}

/** Rounded up, not made up: benches of the same program differ by less. */
function expectNear(used: number, found: number): void {
  expect(used).toBeGreaterThanOrEqual(0.85 * found);
  expect(used).toBeLessThanOrEqual(1.6 * found);
}

describe("the figures of deploy/sizing.ts", () => {
  const points = (["buffered", "duplex"] as const).flatMap((mode) =>
    sizing.requestMicros[mode].map(([bytes, micros]) => ({ mode, bytes, micros })),
  );

  test.each(points)("a request of $bytes bytes, $mode, is what the wire bench and Envoy come to", (point) => {
    const { mode, bytes, micros } = point;
    expectNear(micros - sizing.envoyMicros, measured("wire", new RegExp(`^\\| ${mode} \\| ${bytes} \\| (\\d+) `, "m")));
  });

  test("what Envoy adds is the difference between the soak and the wire bench", () => {
    const through = measured("soak", /^\| \d+ \| \d+ \| 200: \d+ \| \d+ \| (\d+) \|/m);
    const direct = measured("wire", /^\| buffered \| 200 \| (\d+) /m);
    expectNear(sizing.envoyMicros + direct, through);
  });

  test("what a unique prompt takes on top is that of the prefix index's bench, at its longest prompt", () => {
    expectNear(sizing.uniqueByteMicros * 400_000, measured("prefix-index", /^\| 16 \|.* (\d+) \|$/m));
  });

  test("the others are those of the sizing bench and the scrape bench", () => {
    expectNear(sizing.pieceMicros, measured("sizing", /piece of an answer costs ([\d.]+) µs/));
    expectNear(sizing.programMib, measured("sizing", /program takes (\d+) MiB/));
    expectNear(sizing.openRequestKib, measured("sizing", /open request ([\d.]+) KiB/));
    expectNear(sizing.scrapeCoresPerPod * 200, measured("scrape", /^\| 200 \| 1000 ms \| worker \| \d+ \| ([\d.]+) /m));
  });

  test("pods do not change what a request costs", () => {
    const at = (pods: number) => measured("sizing", new RegExp(`buffered, 32000 bytes, ${pods} pods \\| (\\d+) `));
    expect(at(200)).toBeLessThan(1.25 * at(4));
  });
});

describe("sizeFor", () => {
  const load = { promptTokens: 8000, answerTokens: 500, answerSeconds: 10, pods: 10, mode: "buffered" } as const;

  test("takes two pickers for next to nothing, and more where one core each does not do", () => {
    expect(sizing.sizeFor({ ...load, requestsPerSecond: 1 }, 256).pickers).toBe(2);
    const { pickers, cores } = sizing.sizeFor({ ...load, requestsPerSecond: 10_000 }, 256);
    expect(cores / pickers).toBeLessThan(sizing.mostUtilisation + 10 * sizing.scrapeCoresPerPod);
    expect(cores / (pickers - 1)).toBeGreaterThan(sizing.mostUtilisation);
  });

  test("has the measured figures at the measured sizes, a line between them, and beyond", () => {
    const cores = (bytes: number) =>
      sizing.sizeFor({ ...load, pods: 0, promptTokens: bytes / 4, requestsPerSecond: 1e6 }, 0).cores;
    const [[, least], [, middle], [, most]] = sizing.requestMicros.buffered as [[0, number], [0, number], [0, number]];
    expect([cores(200), cores(32_000), cores(400_000)].map(Math.round)).toEqual([least, middle, most]);
    const unique = sizing.sizeFor({ ...load, pods: 0, promptTokens: 8000, requestsPerSecond: 1e6, unique: true }, 0);
    expect(unique.cores).toBeCloseTo(middle + 32_000 * sizing.uniqueByteMicros);
    expect(cores(16_100)).toBeCloseTo((least + middle) / 2);
    expect(cores(768_000)).toBeCloseTo(2 * most - middle);
  });
});

describe("the manifests", () => {
  const indexMib = mib(serveOptions.prefixIndexLimitBytes.default);
  const { resources, autoscaling } = parse(readSource("deploy/chart/values.yaml"));
  const { metrics } = parse(readSource("deploy/kubernetes/autoscaling/horizontal-pod-autoscaler.yaml")).spec;
  const streams = Number(metrics[0].pods.target.averageValue);
  const inMib = (quantity: string) => Number.parseInt(quantity, 10) * (quantity.endsWith("Gi") ? 1024 : 1);

  test("scale by the same numbers, the chart and kustomize", () => {
    expect(autoscaling).toMatchObject({ streamsOpen: streams, cpu: metrics[1].resource.target.averageUtilization });
    expect(autoscaling.minReplicas).toBe(sizing.fewestPickers);
  });

  test("ask for the core that picks, and scale by its use", () => {
    expect(Number(resources.requests.cpu)).toBe(sizing.coresPerPicker);
    expect(autoscaling.cpu).toBe(100 * sizing.mostUtilisation);
  });

  test("ask for the memory of as many open requests as the autoscaler lets be", () => {
    const room = sizing.openRequestsIn(inMib(resources.requests.memory), indexMib);
    expect(streams).toBeLessThanOrEqual(room);
    expect(streams).toBeGreaterThan(room / 2);
  });

  test("limit memory above what all limits of the picker come to, and not far above", () => {
    const all = sizing.memoryMib({
      openRequests: serveOptions.streamLimit.default,
      indexMib,
      bodiesMib: mib(serveOptions.bufferLimitBytes.default),
    });
    expect(inMib(resources.limits.memory)).toBeGreaterThanOrEqual(all);
    expect(inMib(resources.limits.memory)).toBeLessThan(1.3 * all);
  });
});
