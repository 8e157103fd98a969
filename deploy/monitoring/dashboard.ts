/** The Grafana dashboard, made of the panels; `npm run docs` writes dashboard.json. */
import type { Panel, Row } from "./panel.ts";
import { rows } from "./panels.ts";

const WIDTH = 24;
const INSTANCES = "label_values(pointsman_info, instance)";
const sizes = { stat: [4, 4], graph: [8, 8], table: [24, 5] } as const;
const types = { stat: "stat", graph: "timeseries", table: "table" } as const;
const source = { type: "prometheus", uid: "$datasource" };

function thresholds(steps: Panel["steps"]): object {
  if (steps === undefined) return { mode: "absolute", steps: [{ color: "text", value: null }] };
  const [warn, bad] = steps;
  const [low, middle, high] = warn > bad ? ["red", "yellow", "green"] : ["green", "yellow", "red"];
  const [first, second] = warn > bad ? [bad, warn] : [warn, bad];
  const colours = [
    { color: low, value: null },
    { color: middle, value: first },
    { color: high, value: second },
  ];
  return { mode: "absolute", steps: colours };
}

function drawn(panel: Panel, id: number, x: number, y: number): object {
  const { title, about, kind, unit, queries, onlyWhen, steps } = panel;
  const [w, h] = sizes[kind];
  return {
    ...{ id, title, type: types[kind], datasource: source, gridPos: { x, y, w, h } },
    description: onlyWhen === undefined ? about : `${about} Empty unless ${onlyWhen}.`,
    fieldConfig: {
      defaults: { unit, min: kind === "graph" ? 0 : undefined, thresholds: thresholds(steps) },
      overrides: [],
    },
    ...(kind === "graph" && {
      options: { legend: { displayMode: "list", placement: "bottom" }, tooltip: { mode: "multi" } },
    }),
    ...(kind === "stat" && { options: { reduceOptions: { calcs: ["lastNotNull"] }, graphMode: "area" } }),
    targets: queries.map(({ expr, legend }, at) => ({
      ...{ refId: String.fromCharCode(65 + at), datasource: source, expr, legendFormat: legend || "__auto" },
      ...(kind === "table" && { instant: true, format: "table" }),
    })),
  };
}

function* placed(all: readonly Row[]): Generator<object> {
  let id = 1;
  let y = 0;
  for (const { title, panels } of all) {
    yield { id: id++, type: "row", title, collapsed: false, gridPos: { x: 0, y, w: WIDTH, h: 1 }, panels: [] };
    y++;
    let x = 0;
    let lineHeight = 0;
    for (const panel of panels) {
      const [w, h] = sizes[panel.kind];
      if (x + w > WIDTH) {
        y += lineHeight;
        x = lineHeight = 0;
      }
      yield drawn(panel, id++, x, y);
      x += w;
      lineHeight = Math.max(lineHeight, h);
    }
    y += lineHeight;
  }
}

const variables = [
  { name: "datasource", type: "datasource", query: "prometheus", label: "Prometheus" },
  {
    ...{ name: "instance", type: "query", label: "Picker", datasource: source, refresh: 2, sort: 1 },
    ...{ query: INSTANCES, definition: INSTANCES, multi: true },
    ...{ includeAll: true, allValue: ".*", current: { text: "All", value: "$__all" } },
  },
];

export function dashboardText(): string {
  const dashboard = {
    ...{ uid: "pointsman", title: "pointsman", tags: ["pointsman", "inference"], schemaVersion: 39, editable: true },
    ...{ refresh: "30s", time: { from: "now-1h", to: "now" }, graphTooltip: 1 },
    templating: { list: variables },
    panels: [...placed(rows)],
  };
  const text = JSON.stringify(dashboard, null, 2);
  // Lists of words on one line, as the formatter has them.
  return `${text.replace(/\[\s+("[^"]*"(?:,\s+"[^"]*")*)\s+\]/g, (_, words: string) => `[${words.replace(/\s+/g, " ")}]`)}\n`;
}
