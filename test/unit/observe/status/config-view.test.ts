import { expect, test } from "vitest";
import { loadSettings } from "../../../../src/config/load-settings.ts";
import { configView } from "../../../../src/observe/status/config-view.ts";

const settings = loadSettings(
  { args: ["--pods=10.0.0.1:8000", "--seed=7", "--stream-limit=50000"], env: { POINTSMAN_METRICS_PORT: "9999" } },
  () => [],
);
const view = configView(settings, undefined);
const option = (name: string) => view.options.find((each) => each.name === name);

test("configView tells every option with its value and who said so", () => {
  expect(option("seed")).toMatchObject({ value: "7", from: "flag", place: "--seed", isDefault: false });
  expect(option("metrics-port")).toMatchObject({ value: "9999", from: "environment", place: "POINTSMAN_METRICS_PORT" });
  expect(option("admin-port")).toMatchObject({ value: "9091", from: "default", place: "", isDefault: true });
  expect(option("stream-limit")).toMatchObject({ from: "flag", isDefault: true, key: "limits.streams" });
  expect(option("grpc-port")?.help).not.toBe("");
});

test("configView names the scorers of each profile with their weights", () => {
  expect(view.profiles).toEqual([
    { name: "default", scorers: ["queue-depth × 2", "kv-cache × 2", "prefix-cache × 3"], filters: [], pick: "best" },
  ]);
});

test("configView cuts what is too long to be read", () => {
  const pods = Array.from({ length: 200 }, (_, i) => `10.0.0.${i}:8000`).join(",");
  const { options } = configView(
    loadSettings({ args: [`--pods=${pods}`], env: {} }, () => []),
    undefined,
  );
  const value = options.find(({ name }) => name === "pods")?.value;
  expect(value).toMatch(/^10\.0\.0\.0:8000,.*\.\.\.$/);
  expect(value).toHaveLength(303);
});
