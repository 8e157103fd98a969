/** Imports point one way, from the entry to the contracts: a part imports only what stands to its right. */
import { describe, expect, test } from "vitest";
import { importsOf, listFiles, readSource } from "./tree.ts";

/**
 * main -> cli -> {app, demo, doctor, replay}
 *      -> {config, ext-proc, observe, backends, translators, credentials, costs, discovery, scrape, accounting, affinity}
 *      -> explain -> routing -> {request, prefix, response, rewrite} -> {pods, scorer} -> {engine-model, pods/columns, request/inference-request, errors}
 */
const layers: readonly (readonly string[])[] = [
  ["main"],
  ["cli"],
  ["app", "demo", "doctor", "replay"],
  [
    "config",
    "ext-proc",
    "observe",
    "backends",
    "translators",
    "credentials",
    "costs",
    "discovery",
    "scrape",
    "accounting",
    "affinity",
  ],
  ["explain"],
  ["routing"],
  ["request", "prefix", "response", "rewrite"],
  ["pods", "scorer"],
  ["engine-model", "pods/columns", "request/inference-request", "errors", "version"],
];
const placed = layers.flat();

/** Files with a place of their own in the picture above, or that share another's. */
function partOf(path: string): string {
  if (
    /^src\/(build-host|build-lanes|build-sources|build-strategies|build-go-report|build-explain|build-status|build-backends|known-pods)\.ts$/.test(
      path,
    )
  )
    return "app";
  const name = path.replace(/^src\//, "").replace(/\.ts$/, "");
  return placed.includes(name) ? name : (name.split("/")[0] ?? name);
}

const layerOf = (part: string) => layers.findIndex((parts) => parts.includes(part));
const sources = listFiles("src/**/*.ts");
const edges = sources.flatMap((from) => importsOf(from).map((to) => ({ from, to })));
const innerEdges = edges.filter(({ to }) => to.startsWith("src/"));
const show = ({ from, to }: { from: string; to: string }) => `${from} -> ${to}`;

/** The edges that a rule forbids, readable in the failure. */
const offenders = (isForbidden: (from: string, to: string) => boolean, among = edges) =>
  among.filter(({ from, to }) => isForbidden(from, to)).map(show);

describe("importsOf", () => {
  test("finds every form of import", () => {
    const text = [
      'import a from "./a.ts";',
      'import { b,\n  c } from "../b.ts";',
      'import "node:fs";',
      'export { d } from "d";',
      'export type { E } from "./e.ts";',
      'const f = await import("./f.ts");',
    ].join("\n");
    const found = ["src/x/a.ts", "src/b.ts", "node:fs", "d", "src/x/e.ts", "src/x/f.ts"];
    expect(importsOf("src/x/y.ts", text).sort()).toEqual(found.sort());
  });
});

describe("the parts of src", () => {
  test("are all in the picture", () => {
    expect(sources.filter((path) => layerOf(partOf(path)) === -1)).toEqual([]);
    expect(innerEdges.length).toBeGreaterThan(100);
  });

  test("import only parts to their right, or beside them", () => {
    expect(offenders((from, to) => layerOf(partOf(to)) < layerOf(partOf(from)), innerEdges)).toEqual([]);
  });

  test("do not import each other in a circle where they stand side by side", () => {
    const next = new Map<string, Set<string>>(placed.map((part) => [part, new Set()]));
    for (const { from, to } of innerEdges) if (partOf(from) !== partOf(to)) next.get(partOf(from))?.add(partOf(to));
    const reaches = (from: string, goal: string, seen = new Set<string>()): boolean =>
      [...(next.get(from) ?? [])].some((part) => {
        if (part === goal) return true;
        return !seen.has(part) && reaches(part, goal, seen.add(part));
      });
    expect(placed.filter((part) => reaches(part, part))).toEqual([]);
  });

  test("main and app stay where they are: only cli imports app, nothing imports main or doctor but their callers", () => {
    expect(offenders((from, to) => to === "src/app.ts" && !/^src\/(main\.ts|cli\/)/.test(from))).toEqual([]);
    expect(offenders((_from, to) => to === "src/main.ts")).toEqual([]);
    expect(offenders((from, to) => to.startsWith("src/doctor/") && !/^src\/(cli|doctor)\//.test(from))).toEqual([]);
  });

  test("the engine model imports nothing of ours but errors, and only demo and replay import it", () => {
    const isModel = (path: string) => path.startsWith("src/engine-model/");
    expect(offenders((from, to) => isModel(from) && !isModel(to) && to !== "src/errors.ts", innerEdges)).toEqual([]);
    expect(offenders((from, to) => isModel(to) && !isModel(from) && !/^src\/(demo|replay)\//.test(from))).toEqual([]);
  });
});

describe("special rules", () => {
  test("only src/ext-proc imports @grpc/grpc-js", () => {
    expect(offenders((from, to) => to.startsWith("@grpc/") && !from.startsWith("src/ext-proc/"))).toEqual([]);
    expect(edges.some(({ to }) => to === "@grpc/grpc-js")).toBe(true);
  });

  test("only src/observe/tracing imports OpenTelemetry, and what does so is loaded by start-tracing.ts alone", () => {
    const isOf = (path: string) => path.startsWith("@opentelemetry/");
    expect(offenders((from, to) => isOf(to) && !from.startsWith("src/observe/tracing/"))).toEqual([]);
    const loading = new Set(edges.filter(({ to }) => isOf(to)).map(({ from }) => from));
    expect(loading.size).toBeGreaterThan(1);
    const loaders = edges.filter(({ from, to }) => loading.has(to) && !loading.has(from)).map(show);
    expect(loaders.filter((edge) => !edge.startsWith("src/observe/tracing/start-tracing.ts "))).toEqual([
      "src/observe/tracing/span-report.ts -> src/observe/tracing/span-queue.ts",
    ]);
  });

  test("routing imports neither observe nor config nor anything of Node or npm", () => {
    const allowed = /^src\/(routing|request|prefix|pods|scorer\.ts|errors\.ts)/;
    expect(offenders((from, to) => from.startsWith("src/routing/") && !allowed.test(to))).toEqual([]);
  });

  test("routing neither awaits nor reads a clock", () => {
    const clock = /\bawait\b|\basync\b|Date\.now|performance\.|process\.|console\.|setTimeout/;
    const withoutComments = (path: string) => readSource(path).replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
    expect(listFiles("src/routing/**/*.ts").filter((path) => clock.test(withoutComments(path)))).toEqual([]);
  });

  test("a scorer imports only the contract and the kernels", () => {
    const allowed = ["src/scorer.ts", "src/routing/normalise.ts"];
    const files = listFiles("scorers/*.ts").filter((path) => path !== "scorers/index.ts");
    expect(files.flatMap((from) => importsOf(from).filter((to) => !allowed.includes(to)))).toEqual([]);
    expect(files.length).toBeGreaterThan(0);
  });

  test("scorers are imported through the index alone, to be named in a profile and to compile it", () => {
    const among = listFiles("src/**/*.ts").flatMap((from) => importsOf(from).map((to) => ({ from, to })));
    const isAllowed = (from: string, to: string) =>
      /^src\/(build-lanes\.ts|config\/|cli\/)/.test(from) && to === "scorers/index.ts";
    expect(offenders((from, to) => to.startsWith("scorers/") && !isAllowed(from, to), among)).toEqual([]);
  });
});
