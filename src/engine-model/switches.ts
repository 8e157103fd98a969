/** The ways a fake pod can be told to fail, and how they are set from JSON. */
import type { LieMetrics } from "./engine-families.ts";

/** All off at start. Assign a field from code, or POST the same fields to /fake/switches. */
export interface Switches {
  /** Inference answers 500; probes and metrics stay well. */
  fail500: boolean;
  /** Everything but /fake/switches is accepted and never answered. */
  hang: boolean;
  /** Wall milliseconds before /metrics answers. */
  slowMetricsMs: number;
  /** Gauges shown instead of the true ones; null tells the truth. */
  lieMetrics: LieMetrics | null;
  /** /health and new inference answer 503, what runs may finish. */
  drain: boolean;
}

export function defaultSwitches(): Switches {
  return { fail500: false, hang: false, slowMetricsMs: 0, lieMetrics: null, drain: false };
}

/**
 * What a POST may ask for: the switches and, as `refuse`, the pod's death. A closed port hears no further POST, so the
 * same request says when the pod comes back.
 */
export interface SwitchPatch {
  readonly switches: Partial<Switches>;
  readonly refuse: boolean;
  /** Wall milliseconds until a killed pod comes back by itself; null leaves it dead. */
  readonly reviveAfterMs: number | null;
}

const isBoolean = (value: unknown): boolean => typeof value === "boolean";
const isMilliseconds = (value: unknown): boolean => typeof value === "number" && value >= 0 && value < 2 ** 31;

const checks: Readonly<Record<string, { readonly expected: string; valid(value: unknown): boolean }>> = {
  fail500: { expected: "a boolean", valid: isBoolean },
  hang: { expected: "a boolean", valid: isBoolean },
  slowMetricsMs: { expected: "milliseconds", valid: isMilliseconds },
  lieMetrics: { expected: "null, or numbers for waiting, running, kvUsage", valid: isLie },
  drain: { expected: "a boolean", valid: isBoolean },
  refuse: { expected: "a boolean", valid: isBoolean },
  reviveAfterMs: { expected: "milliseconds", valid: isMilliseconds },
};

function isLie(value: unknown): boolean {
  if (value === null) return true;
  if (typeof value !== "object") return false;
  return Object.entries(value).every(
    ([name, number]) => ["waiting", "running", "kvUsage"].includes(name) && typeof number === "number",
  );
}

/** Checks every field; one fault refuses the whole patch. */
export function readSwitchPatch(body: object): SwitchPatch | { readonly faults: readonly string[] } {
  const faults = Object.entries(body).flatMap(([name, value]) => {
    const check = checks[name];
    if (check === undefined) return [`${name}: no such switch (known: ${Object.keys(checks).join(", ")})`];
    return check.valid(value) ? [] : [`${name}: expected ${check.expected}`];
  });
  if (faults.length > 0) return { faults };
  const fields: Partial<Switches> & { refuse?: boolean; reviveAfterMs?: number } = body;
  const { refuse = false, reviveAfterMs = null, ...switches } = fields;
  return { switches, refuse, reviveAfterMs };
}
