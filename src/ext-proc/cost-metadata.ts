/** What a request has cost -> dynamic metadata at the end of its answer, where Envoy's limiters and access log read it. */
import { type CostRule, isTold, type Spent } from "../costs/cost-rule.ts";
import { DYNAMIC_METADATA, structField, structNumber, structValue } from "./metadata-fields.ts";
import type { Payer } from "./payer.ts";
import { field } from "./wire.ts";

/** Envoy AI Gateway's, for what is configured with it in mind, and ours. */
const namespaces: readonly string[] = ["io.envoy.ai_gateway", "pointsman"];

const NOTHING: Buffer = Buffer.alloc(0);

export interface CostEvents {
  /** A request has cost so much by the rule of this key. */
  cost(key: string, value: number): void;
  /** An expression had no value. */
  costUnknown(key: string, why: string): void;
}

/** Bytes to append to the last reply of an answer; none where nothing is known. */
export function costMetadata(
  rules: readonly CostRule[],
  spent: Spent,
  events: CostEvents,
  payer: Payer | undefined,
): Buffer {
  if (rules.length === 0 || !isTold(spent.usage)) return NOTHING;
  const told: Buffer[] = [];
  for (const rule of rules) {
    try {
      const value = rule.cost(spent);
      told.push(structField(rule.key, structNumber(value)));
      events.cost(rule.key, value);
      payer?.owe(rule.key, value);
    } catch (error) {
      events.costUnknown(rule.key, error instanceof Error ? error.message : String(error));
    }
  }
  if (told.length === 0) return NOTHING;
  const struct = structValue(told);
  return field(DYNAMIC_METADATA, ...namespaces.map((namespace) => structField(namespace, struct)));
}
