import { describe, expect, test } from "vitest";
import { labelsText } from "../../../src/observe/metric-cells.ts";
import { metricSpecs } from "../../../src/observe/metric-specs.ts";
import { Metrics } from "../../../src/observe/metrics.ts";
import { sumOf } from "../../support/picker-process.ts";

describe("Metrics.render", () => {
  test("has every metric once, under its kind", async () => {
    const lines = (await new Metrics("1.0.0").render()).split("\n").filter((line) => line.startsWith("# TYPE "));
    const expected = Object.values(metricSpecs).map(({ name, kind }) => `# TYPE ${name} ${kind}`);
    expect(lines.toSorted()).toEqual(expected.toSorted());
  });

  test("keeps families whole and ends with a line end, the process's own metrics among them", async () => {
    const metrics = new Metrics("1.0.0");
    metrics.watchProcess();
    metrics.instruments.podWaiting.readFrom((write) => write(labelsText({ pod: "a" }), 3));
    const page = await metrics.render();
    expect(page).toMatch(/[^\n]\n$/);
    for (const block of page.trimEnd().split(/\n+(?=# HELP )/)) {
      const [help, type, ...samples] = block.split("\n");
      const name = /^# HELP (\w+) ./.exec(help ?? "")?.[1] ?? "none";
      expect(type).toMatch(new RegExp(`^# TYPE ${name} (counter|gauge|histogram|summary)$`));
      for (const sample of samples) expect(sample).toMatch(new RegExp(`^${name}(_bucket|_sum|_count)?({.*})? \\S+$`));
    }
  });

  test("asks a polled family at each rendering", async () => {
    const metrics = new Metrics("1.0.0");
    let evictions = 3;
    metrics.instruments.prefixEvictions.readFrom((write) => write("", evictions));
    expect(await metrics.render()).toContain("\npointsman_prefix_index_evictions_total 3\n");
    evictions = 5;
    expect(await metrics.render()).toContain("\npointsman_prefix_index_evictions_total 5\n");
  });

  test.each([
    ["pointsman", true],
    ["both", true],
    ["go", false],
  ] as const)("by the names %s tells ours: %s; the process's and others' families always", async (names, tellsOwn) => {
    const metrics = new Metrics("1.0.0", names);
    metrics.watchProcess();
    metrics.others.push({
      name: "llm_d_epp_info",
      pieces: () => ["# TYPE llm_d_epp_info gauge\n", "llm_d_epp_info 1\n"],
    });
    const page = await metrics.render();
    expect(/^# TYPE pointsman_info /m.test(page)).toBe(tellsOwn);
    expect(/^# TYPE pointsman_pod_waiting /m.test(page)).toBe(tellsOwn);
    expect(page).toMatch(/^process_cpu_seconds_total /m);
    expect(page).toMatch(/^llm_d_epp_info 1\n$/m);
  });

  test("lets others in while a large family is written, and between families", async () => {
    const metrics = new Metrics("1.0.0");
    let turns = 0;
    const turn = () => {
      turns++;
      waiting = setImmediate(turn);
    };
    let waiting = setImmediate(turn);
    const seen: number[] = [];
    /** Each piece takes longer than a slice. */
    function* pieces() {
      for (let i = 0; i < 3; i++) {
        const until = performance.now() + 3;
        while (performance.now() < until);
        seen.push(turns);
        yield `x${i} 1\n`;
      }
    }
    metrics.others.push({ name: "x", pieces }, { name: "y", pieces });
    const page = await metrics.render();
    clearImmediate(waiting);
    expect(new Set(seen).size).toBe(6);
    expect(page).toMatch(/x0 1\nx1 1\nx2 1\nx0 1\n/);
  });

  test("has, at zero, every series of which all labels are known beforehand, and none that was never set", async () => {
    const page = await new Metrics("1.0.0").render();
    expect(sumOf(page, "pointsman_streams_ended_total", { cause: "drain", answered: "false" })).toBe(0);
    expect(page).toContain('\npointsman_streams_ended_total{cause="drain",answered="false"} 0\n');
    expect(page).toContain('\npointsman_pick_phase_seconds_bucket{phase="route",le="0.00001"} 0\n');
    expect(page).toContain('\npointsman_faults_total{where="metrics"} 0\n');
    expect(page).not.toMatch(/^pointsman_(picks_total|streams_open|pod_\w+|in_flight)[ {]/m);
  });

  test("without a family that cannot be written has all the others, counts it each time and says it once", async () => {
    const metrics = new Metrics("1.0.0");
    const said: string[] = [];
    metrics.onFault = (family, error) => said.push(`${family}: ${(error as Error).message}`);
    metrics.instruments.podKvUsage.readFrom((write) => {
      write(labelsText({ pod: "a" }), 0.5);
      throw new Error("broken");
    });
    function* pieces() {
      yield "halfway 1\n";
      throw new Error("broken too");
    }
    metrics.others.push({ name: "halfway", pieces }, { name: "last", pieces: () => ["last 1\n"] });
    metrics.refreshers.push(() => {
      throw new Error("not up to date");
    });
    const first = await metrics.render();
    expect(first).not.toMatch(/pod_kv_usage|halfway/);
    expect(first).toMatch(/^pointsman_pod_waiting|# TYPE pointsman_pod_in_flight gauge$/m);
    expect(first).toMatch(/^last 1\n$/m);
    const second = await metrics.render();
    expect(said).toEqual(["gauges: not up to date", "pointsman_pod_kv_usage: broken", "halfway: broken too"]);
    expect(sumOf(await metrics.render(), "pointsman_faults_total", { where: "metrics" })).toBeGreaterThanOrEqual(6);
    expect(second).toMatch(/^last 1\n$/m);
  });

  test("calls what brings the gauges up to date first", async () => {
    const metrics = new Metrics("1.0.0");
    metrics.refreshers.push(() => metrics.instruments.streamsOpen.set(7));
    expect(await metrics.render()).toContain("\npointsman_streams_open 7\n");
  });
});

describe("sumOf", () => {
  const pageOf = async () => {
    const metrics = new Metrics("1.0.0");
    metrics.instruments.picks.add({ pool: "a", reason: "scores" }, 2);
    metrics.instruments.picks.add({ pool: "b", reason: "scores" }, 3);
    metrics.instruments.pickSeconds.observe(0.5);
    return metrics.render();
  };

  test("adds the samples that have the labels", async () => {
    const page = await pageOf();
    expect(sumOf(page, "pointsman_picks_total")).toBe(5);
    expect(sumOf(page, "pointsman_picks_total", { pool: "b", reason: "scores" })).toBe(3);
    expect(sumOf(page, "pointsman_picks_total", { pool: "c" })).toBe(0);
  });

  test("knows a metric without samples and the parts of a histogram", async () => {
    const page = await pageOf();
    expect(sumOf(page, "pointsman_pod_in_flight")).toBe(0);
    expect(sumOf(page, "pointsman_pick_seconds_count")).toBe(1);
    expect(sumOf(page, "pointsman_pick_seconds_bucket", { le: "0.5" })).toBe(1);
  });

  test.each(["pointsman_open_streams", "pointsman_picks", "pointsman_streams_open_count"])(
    "throws for %s",
    async (name) => {
      const page = await pageOf();
      expect(() => sumOf(page, name)).toThrow(`no metric ${name}`);
    },
  );
});
