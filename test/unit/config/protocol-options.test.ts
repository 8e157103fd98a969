import { expect, test } from "vitest";
import { readSettings } from "../../../src/config/load-settings.ts";

const foreign = "apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\n";

const read = (configText: string, ...args: string[]) =>
  readSettings({ args: ["--pool-name=p", `--config-text=${configText}`, ...args], env: {} }, { check: () => [] })
    .settings.config.marksAnswers;

test("answers are marked where the Go picker's configuration is used, unless told otherwise", () => {
  expect([read(foreign), read(foreign, "--mark-answers=false"), read("observe: {}\n")]).toEqual([true, false, false]);
});
