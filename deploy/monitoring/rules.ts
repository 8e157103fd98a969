/** Reads rules.yaml, and makes of it the object that the Prometheus operator wants. */
import { readFileSync } from "node:fs";
import { parse, stringify } from "yaml";

export interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface RuleFile {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
}

export const rulesText = (): string => readFileSync(new URL("rules.yaml", import.meta.url), "utf8");

export function rulesOf(text = rulesText()): Rule[] {
  const { groups } = parse(text) as RuleFile;
  return groups.flatMap(({ rules }) => rules);
}

const chartHead =
  "# Generated from deploy/monitoring/rules.yaml by `npm run docs`, for templates/prometheus-rule.yaml.\n";
const head =
  "# Generated from deploy/monitoring/rules.yaml by `npm run docs`: the same rules for the Prometheus operator.\n";

/** The chart cannot reach beyond its own folder. */
export function chartRulesText(): string {
  const { groups } = parse(rulesText()) as RuleFile;
  return chartHead + stringify({ groups }, { lineWidth: 0 });
}

export function prometheusRuleText(): string {
  const object = {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "PrometheusRule",
    metadata: { name: "pointsman", labels: { "app.kubernetes.io/name": "pointsman" } },
    spec: parse(rulesText()) as RuleFile,
  };
  return head + stringify(object, { lineWidth: 0 });
}
