import pino from "pino";
import { expect, test } from "vitest";
import { ConfigReport } from "../../../src/observe/config-report.ts";
import { Metrics } from "../../../src/observe/metrics.ts";

test("ConfigReport keeps what became of the last change, and what waits for a restart for as long as it waits", () => {
  const report = new ConfigReport(pino({ level: "silent" }), new Metrics("1.0.0").instruments);
  expect(report.last).toBeUndefined();
  report.applied([], ["listen.grpcPort: 1 -> 2"]);
  expect(report.last).toMatchObject({ outcome: "applied", faults: [], needRestart: ["listen.grpcPort: 1 -> 2"] });
  report.refused(["x.yaml:1:1: expected a list"]);
  expect(report.last).toMatchObject({ outcome: "refused", faults: ["x.yaml:1:1: expected a list"] });
  expect(report.last?.needRestart).toHaveLength(1);
  report.unchanged();
  expect(report.last).toEqual({ at: expect.any(String), outcome: "unchanged", faults: [], needRestart: [] });
});

test("ConfigReport tells that the file is refused for as long as it is", () => {
  const { instruments } = new Metrics("1.0.0");
  const report = new ConfigReport(pino({ level: "silent" }), instruments);
  const refused = () => [...instruments.configRefused.pieces()].join("").split("\n").at(-2);
  expect(refused()).toBe("pointsman_config_refused 0");
  report.refused(["x.yaml:1:1: expected a list"]);
  report.refused(["x.yaml:1:1: expected a list"]);
  expect(refused()).toBe("pointsman_config_refused 1");
  report.unchanged();
  expect(refused()).toBe("pointsman_config_refused 0");
});
