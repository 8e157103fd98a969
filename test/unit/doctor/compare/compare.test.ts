import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { type Comparison, compared } from "../../../../src/doctor/compare/compare.ts";
import { evidenceOf } from "../../../../src/doctor/diagnose.ts";

const shipped = readFileSync(new URL("../../../../deploy/envoy/buffered.yaml", import.meta.url), "utf8");

function between(good: string, bad: string): Comparison {
  const named = (name: string, text: string) => ({ name, evidence: evidenceOf([{ name: `${name}.yaml`, text }]) });
  return compared(named("good", good), named("bad", bad));
}

/** The shipped config with some words of it exchanged; fails where they are not in it. */
function changed(from: string | RegExp, to: string): string {
  const text = shipped.replace(from, to);
  expect(text).not.toBe(shipped);
  return text;
}

describe("compared, of two configurations", () => {
  test("finds none in two that are the same", () => {
    expect(between(shipped, shipped)).toMatchObject({ outcome: "same", also: [] });
  });

  test("passes over addresses: no two set-ups have the same", () => {
    expect(between(shipped, changed(/port_value: \d+/g, "port_value: 4")).outcome).toBe("same");
  });

  test.each([
    {
      what: "a field of the filter",
      step: "stream",
      from: /message_timeout: \S+/,
      to: "message_timeout: 0.3s",
      path: "typed_config.message_timeout",
    },
    {
      what: "the picker's cluster",
      step: "link",
      from: /interval: 1s, timeout: 2s/,
      to: "interval: 1s, timeout: 9s",
      path: "connection_keepalive.timeout",
    },
    { what: "a route's timeout", step: "answer", from: /timeout: 0s/, to: "timeout: 15s", path: "route.timeout" },
  ])("$what is named with its field", ({ step, from, to, path }) => {
    const { first, text } = between(shipped, changed(from, to));
    expect(first?.step, text).toBe(step);
    expect(first?.path).toContain(path);
    expect(text).toMatch(/^FIRST DIFFERENCE: /);
  });

  test("a filter that is missing comes before all that is different", () => {
    const tree = parse(changed(/timeout: 0s/, "timeout: 15s"));
    const manager = tree.static_resources.listeners[0].filter_chains[0].filters[0].typed_config;
    manager.http_filters = manager.http_filters.filter(({ name }: { name: string }) => !name.includes("ext_proc"));
    const { first, also, text } = between(shipped, stringify(tree));
    expect(first, text).toMatchObject({
      kind: "missing",
      step: "filter",
      object: expect.stringContaining("ext_proc of listener"),
    });
    expect(also.map(({ step }) => step)).toContain("answer");
  });
});

describe("compared, of two sets of objects", () => {
  const policy = (status: string, uid: string, spec = "{ failOpen: true }") => `
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: EnvoyExtensionPolicy
metadata: { name: pick, namespace: default, uid: ${uid} }
spec: { extProc: [${spec}] }
status: { ancestors: [{ ancestorRef: { name: gw }, conditions: [{ type: Accepted, status: "${status}", reason: Invalid, message: why, lastTransitionTime: ${uid} }] }] }
`;

  test("what was accepted comes before what it says, and identities count for nothing", () => {
    expect(between(policy("True", "a"), policy("True", "b")).outcome).toBe("same");
    const { first, also } = between(policy("True", "a"), policy("False", "b", "{ failOpen: false }"));
    expect(first).toMatchObject({
      step: "accepted",
      object: "EnvoyExtensionPolicy default/pick",
      good: "True",
      bad: "False: Invalid: why",
    });
    expect(also).toMatchObject([{ path: expect.stringContaining("failOpen"), good: "true", bad: "false" }]);
  });

  test("an object that is missing is named", () => {
    const other = policy("True", "a").replace("name: pick", "name: another");
    const { text } = between(policy("True", "a"), other);
    expect(text).toMatch(/^FIRST DIFFERENCE: EnvoyExtensionPolicy default\/pick is missing/);
  });
});

test("compared says so where the two have no kind of evidence in common", () => {
  const { outcome, text } = between(shipped, "kind: Service\napiVersion: v1\nmetadata: { name: a }\n");
  expect(outcome).toBe("nothing to compare");
  expect(text).toContain("Nothing to compare");
});

describe("compared, where one of the two is not whole", () => {
  const config = { name: "config_dump.yaml", text: shipped };
  const service = { name: "objects.yaml", text: "kind: Service\napiVersion: v1\nmetadata: { name: a }\n" };
  const of = (...sources: { name: string; text: string }[]) => evidenceOf(sources);
  const result = (bad: ReturnType<typeof of>) =>
    compared({ name: "good", evidence: of(config, service) }, { name: "bad", evidence: bad });

  test("for want of objects is not the same, and says so", () => {
    const { outcome, notCompared, text } = result(of(config));
    expect([outcome, notCompared]).toEqual(["not all compared", ["good has objects, and bad has none"]]);
    expect(text).toMatch(/in what both have\.\n\nNot compared:\n {2}- good has objects/);
  });

  test("for a dump that is cut off names the file", () => {
    const { outcome, notCompared } = result(of({ name: "config_dump.json", text: '{"configs": [\n{' }, service));
    expect(outcome).toBe("not all compared");
    expect(notCompared).toEqual([
      "good has a config_dump, and bad has none",
      "config_dump.json: its JSON is broken, or cut off",
    ]);
  });

  test("and differs all the same: the difference comes first, the rest is listed", () => {
    const { outcome, text } = result(of({ ...config, text: changed(/timeout: 0s/, "timeout: 15s") }));
    expect(outcome).toBe("different");
    expect(text).toMatch(/^FIRST DIFFERENCE: [\s\S]*Not compared:/);
  });
});
