/** What Prometheus and Grafana are given: in step with its sources, and made of metrics and labels that there are. */
import { describe, expect, test } from "vitest";
import { dashboardText } from "../../deploy/monitoring/dashboard.ts";
import { rows } from "../../deploy/monitoring/panels.ts";
import { chartRulesText, prometheusRuleText, rulesOf } from "../../deploy/monitoring/rules.ts";
import { metricsOfCode, type NamedMetric } from "./metric-names.ts";
import { readSource } from "./tree.ts";

const metrics = new Map((await metricsOfCode()).map((metric) => [metric.name, metric]));
/** What Prometheus itself puts on a series of a picker. */
const targetLabels = ["instance", "job", "le", "alertname", "alertstate"];

function metricOf(series: string): NamedMetric | undefined {
  const known = metrics.get(series);
  if (known !== undefined) return known;
  const whole = metrics.get(series.replace(/_(bucket|sum|count)$/, ""));
  return whole?.kind === "histogram" ? whole : undefined;
}

/** Names of series in an expression: whole words of our prefixes, behind which no colon makes a recorded one of them. */
const seriesIn = (expr: string) => [
  ...new Set([...expr.matchAll(/(?<![\w:])(?:pointsman|nodejs|process|llm_d)_\w+\b(?!:)/g)].map(([name]) => name)),
];

function labelsIn(expr: string): string[] {
  const matched = [...expr.matchAll(/[{,]\s*(\w+)\s*(?:=~|!~|!=|=)\s*"/g)].map(([, label = ""]) => label);
  const grouped = [...expr.matchAll(/\b(?:by|on)\s*\(([^)]*)\)/g)].flatMap(([, list = ""]) => list.split(/,\s*/));
  return [...matched, ...grouped].filter((label) => label !== "");
}

const panels = rows.flatMap((row) => row.panels);
const expressions = [
  ...panels.flatMap(({ title, queries }) => queries.map(({ expr, legend }) => ({ of: title, expr, text: legend }))),
  ...rulesOf().map(({ alert, record, expr, annotations }) => {
    return { of: alert ?? record ?? "", expr, text: Object.values(annotations ?? {}).join(" ") };
  }),
];
const recorded = new Set(rulesOf().map(({ record }) => record));

test.each([
  ["deploy/monitoring/dashboard.json", dashboardText()],
  ["deploy/kubernetes/monitoring/prometheus-rule.yaml", prometheusRuleText()],
  ["deploy/chart/rules.yaml", chartRulesText()],
])("%s is in step with what it is made of (npm run docs rewrites it)", (path, text) => {
  expect(readSource(path)).toBe(text);
});

describe("panels and rules", () => {
  test("ask only for series that there are", () => {
    const asked = expressions.flatMap(({ of, expr }) => {
      return seriesIn(expr).map((series) => ({ of, series }));
    });
    expect(asked.filter(({ series }) => metricOf(series) === undefined)).toEqual([]);
    expect(new Set(asked.map(({ series }) => series)).size).toBeGreaterThan(40);
    const colons = expressions.flatMap(({ expr }) => expr.match(/pointsman:[\w:]+/g) ?? []);
    expect(colons.filter((name) => !recorded.has(name))).toEqual([]);
  });

  test("ask only for labels that the series have", () => {
    const strange = expressions.flatMap(({ of, expr, text }) => {
      const known = [...seriesIn(expr).flatMap((series) => metricOf(series)?.labels ?? []), ...targetLabels, "kind"];
      const shown = [...text.matchAll(/\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}/g)].map(([, label = ""]) => label);
      return [...labelsIn(expr), ...shown].filter((label) => !known.includes(label)).map((label) => `${of}: ${label}`);
    });
    expect(strange).toEqual([]);
  });

  test("divide no counter without a rate, and take none of a gauge", () => {
    const wrong = expressions.flatMap(({ of, expr }) =>
      [...expr.matchAll(/\b(rate|increase)\((\w+)/g)].flatMap(([, , series = ""]) =>
        metricOf(series)?.kind === "gauge" ? [`${of}: ${series}`] : [],
      ),
    );
    expect(wrong).toEqual([]);
  });

  test("have a name of their own each, and say what they mean", () => {
    const titles = rows.flatMap((row) => row.panels.map(({ title }) => `${row.title} ${title}`));
    expect(new Set(titles).size).toBe(titles.length);
    for (const { title, about } of panels) expect(about, title).toMatch(/\.$/);
    const alerts = rulesOf().filter(({ alert }) => alert !== undefined);
    expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length);
    for (const { alert, labels, annotations } of alerts) {
      expect(alert).toMatch(/^Pointsman[A-Z]/);
      expect(["critical", "warning"], alert).toContain(labels?.["severity"]);
      expect(annotations?.["summary"], alert).toMatch(/\.$/);
      expect(annotations?.["description"], alert).toMatch(/\.$/);
    }
  });
});
