/** The rules and the dashboard that operators are given, as tests read them, and in a tempo that tests can wait for. */
import type { Panel } from "../../deploy/monitoring/panel.ts";
import { rows } from "../../deploy/monitoring/panels.ts";
import { rulesText } from "../../deploy/monitoring/rules.ts";

/**
 * Minutes become seconds: how long something must last, how far a rate looks back, how old a source may be. What a busy
 * machine makes of the healthy picker in a second must not count as slow.
 */
export function hastened(text = rulesText()): string {
  return text
    .replace(/\bfor: \d+m$/gm, "for: 1s")
    .replace(/\[(5|10|15)m\]/g, "[15s]")
    .replace("pointsman_source_age_seconds > 30", "pointsman_source_age_seconds > 4")
    .replace("pick_work_seconds:p99_5m > 0.02", "pick_work_seconds:p99_5m > 0.2")
    .replace("lag_p99_seconds[15s]) > 0.1", "lag_p99_seconds[15s]) > 0.25");
}

export interface PanelExpression {
  readonly panel: Panel;
  /** Of this picker, over the last seconds. */
  readonly expr: string;
}

export function panelExpressions(instance: string): PanelExpression[] {
  const all = rows.flatMap(({ panels }) => panels);
  return all.flatMap((panel) =>
    panel.queries.map(({ expr }) => ({
      panel,
      expr: expr.replaceAll("$instance", instance).replaceAll("$__rate_interval", "15s"),
    })),
  );
}
