/** The options of `serve` about telling why a request went where it did. */
import { flag, type OptionKind, text } from "./option-kinds.ts";
import { option } from "./option-table.ts";

const share: OptionKind<number> = {
  expects: "a share 0..1",
  schema: { type: "number", minimum: 0, maximum: 1 },
  parse: (written) => {
    const value = /^\d*\.?\d+$/.test(written) ? Number(written) : Number.NaN;
    return value >= 0 && value <= 1 ? value : undefined;
  },
  show: String,
};

export const explainOptions = {
  tellsWhy: option(
    "why-header",
    flag,
    false,
    "Add x-pointsman-why to answers that the picker is shown and to its own errors: the pod, its score and the scorers that counted most.",
    "observe.whyHeader",
    "live",
  ),
  decisionLog: option(
    "decision-log",
    text("a path, or stdout"),
    "",
    "File that decisions are appended to as JSON lines, without prompts; opened anew where it is renamed.",
    "observe.decisionLog",
  ),
  decisionLogShare: option(
    "decision-log-share",
    share,
    1,
    "Share of the requests in the decision log, chosen by their x-request-id.",
    "observe.decisionLogShare",
  ),
} as const;
