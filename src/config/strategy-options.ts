/** The options of `serve` about strategies: whether a request may say how it is to be routed, and which way AIBrix does. */

import { nearestWord } from "../discovery/nearest-word.ts";
import { quoted } from "../discovery/pod-address.ts";
import type { ConfigFault } from "../errors.ts";
import { strategies, strategyProfile } from "../routing/strategies/catalogue.ts";
import { prefixDefaults } from "../routing/strategies/prefix-choice.ts";
import type { StrategySettings } from "../routing/strategies/strategy-settings.ts";
import { readStrategyText } from "../routing/strategies/strategy-text.ts";
import { choice, flagOrAuto, headerNames, integer, type OptionKind, text } from "./option-kinds.ts";
import { type OptionValues, option } from "./option-table.ts";
import type { PoolConfig } from "./pool-config.ts";

/** One name; none for "". */
const headerName: OptionKind<string> = {
  expects: "the name of a header",
  schema: { type: "string" },
  parse: (value) => {
    const names = headerNames.parse(value);
    return names === undefined || names.length > 1 ? undefined : (names[0] ?? "");
  },
  show: (value) => (value === "" ? "none" : value),
};

const strategyNames: OptionKind<readonly string[]> = {
  expects: "names with commas",
  isList: true,
  schema: { type: ["string", "array"], items: { type: "string" } },
  parse: (value) => {
    const names = value === "" ? [] : value.split(",").map((name) => name.trim());
    return names.includes("") ? undefined : names;
  },
  show: (value) => (value.length === 0 ? "all" : value.join(",")),
};

export const strategyOptions = {
  strategies: option(
    "routing-strategies",
    flagOrAuto,
    "auto",
    "Let requests name how they are routed, as AIBrix does: by its strategies or by a profile; auto = where pods are found by its labels.",
    "strategies.enabled",
    "live",
  ),
  strategyHeader: option(
    "routing-strategy-header",
    headerName,
    "routing-strategy",
    "Header in which a request names its strategy; it is in the answer and in what the pod sees too.",
    "strategies.header",
    "live",
  ),
  strategy: option(
    "routing-strategy",
    text("a strategy"),
    "",
    "Strategy of requests that name none; without it the profile of their pool.",
    "strategies.default",
    "live",
  ),
  allowedStrategies: option(
    "allowed-routing-strategies",
    strategyNames,
    [],
    "Strategies and profiles that requests may name, with commas; none = all of them.",
    "strategies.allowed",
    "live",
  ),
  filterHeader: option(
    "external-filter-header",
    headerName,
    "external-filter",
    "Header with a label selector that narrows the pods of a request with a strategy.",
    "strategies.filterHeader",
    "live",
  ),
  prefixImbalance: option(
    "prefix-cache-imbalance",
    integer(0),
    prefixDefaults.imbalance.default,
    `Strategy prefix-cache: ${prefixDefaults.imbalance.help}.`,
    "strategies.prefixImbalance",
    "live",
  ),
  prefixDeviations: option(
    "prefix-cache-deviations",
    integer(0),
    prefixDefaults.deviations.default,
    `Strategy prefix-cache: ${prefixDefaults.deviations.help}.`,
    "strategies.prefixDeviations",
    "live",
  ),
  destinationHeaders: option(
    "destination-header",
    headerNames,
    ["x-gateway-destination-endpoint"],
    "Headers of the request that name the picked pod's address; the cluster behind AIBrix's Envoy follows target-pod.",
    "listen.destinationHeaders",
  ),
  errorStyle: option(
    "error-style",
    choice("auto", "openai", "aibrix"),
    "auto",
    "How refusals are said: with our codes, or with AIBrix's statuses, texts and headers; auto = AIBrix's with strategies.",
    "strategies.errors",
    "live",
  ),
} as const;

/** What tells whether requests may name strategies; where nothing is said they may not. */
export interface StrategySwitch {
  readonly strategies?: boolean | "auto";
  readonly podsAibrix: string;
}

type StrategyConfig = OptionValues<typeof strategyOptions> & StrategySwitch;

export function hasStrategies(
  { strategies: isOn = "auto", podsAibrix }: StrategySwitch,
  pools: readonly Pick<PoolConfig, "sources">[] = [],
): boolean {
  if (isOn !== "auto") return isOn;
  return podsAibrix !== "" || pools.some(({ sources }) => sources.some(({ kind }) => kind === "aibrix"));
}

/** The same settings, with what `auto` means for these pools. */
export function withStrategies<C extends StrategySwitch>(config: C, pools: readonly PoolConfig[]): C {
  return Object.freeze({ ...config, strategies: hasStrategies(config, pools) });
}

/** undefined where requests name none. */
export function strategySettings(config: StrategyConfig): StrategySettings | undefined {
  if (!hasStrategies(config)) return undefined;
  const { strategyHeader, strategy, allowedStrategies, filterHeader, prefixImbalance, prefixDeviations } = config;
  return {
    header: strategyHeader,
    default: strategy,
    allowed: allowedStrategies.length === 0 ? undefined : allowedStrategies,
    filterHeader,
    prefixCache: { imbalance: prefixImbalance, deviations: prefixDeviations },
  };
}

export function saysAsAibrix(config: StrategyConfig): boolean {
  return config.errorStyle === "auto" ? hasStrategies(config) : config.errorStyle === "aibrix";
}

/** Names that stand for nothing. `profiles` are those of the config file. */
export function strategyFaults(config: StrategyConfig, profiles: readonly string[]): readonly ConfigFault[] {
  if (!hasStrategies(config)) return [];
  const { strategy, allowedStrategies } = config;
  const known = [...Object.keys(strategies), ...profiles];
  const faults: ConfigFault[] = [];
  const complain = (flag: string, written: string) => {
    const hint = nearestWord(written, known);
    const expected = `a strategy or profile: ${known.join(", ")}`;
    faults.push({ path: `--${flag}`, expected, got: quoted(written), ...(hint !== undefined && { hint }) });
  };
  for (const name of allowedStrategies) {
    if (!known.includes(name)) complain(strategyOptions.allowedStrategies.flag, name);
  }
  const named = strategy === "" ? [] : namesIn(strategy, profiles);
  if (named === undefined) complain(strategyOptions.strategy.flag, strategy);
  // It would refuse every request that names none.
  else if (allowedStrategies.length > 0 && !named.every((name) => allowedStrategies.includes(name))) {
    const expected = `only names out of --${strategyOptions.allowedStrategies.flag}: ${allowedStrategies.join(", ")}`;
    faults.push({ path: `--${strategyOptions.strategy.flag}`, expected, got: quoted(strategy) });
  }
  return faults;
}

/** The profile, or the strategies that count in the text; undefined where it is neither. */
function namesIn(text: string, profiles: readonly string[]): readonly string[] | undefined {
  if (profiles.includes(text)) return [text];
  const parts = readStrategyText(text);
  if (parts === undefined || strategyProfile(parts, {}) === undefined) return undefined;
  return parts.map(({ name }) => name);
}
