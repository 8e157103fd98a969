import { expect, test } from "vitest";
import { readSettings } from "../../../src/config/load-settings.ts";

const foreign = "apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\n";

const read = (configText: string, ...args: string[]) =>
  readSettings({ args: ["--pool-name=p", `--config-text=${configText}`, ...args], env: {} }, { check: () => [] })
    .settings.config.metricNames;

test("the Go picker's names of metrics are told beside ours where its configuration is used, unless told otherwise", () => {
  expect([
    read(foreign),
    read(foreign, "--metric-names=pointsman"),
    read("observe: {metricNames: go}\n"),
    read(""),
  ]).toEqual(["both", "pointsman", "go", "pointsman"]);
});
