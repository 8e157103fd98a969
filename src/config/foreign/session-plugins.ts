/** The scorer and the filter of the Go picker that keep a session on its pod. */
import type { ScorerUse } from "../../routing/scoring-plan.ts";
import { amount, listOf, mappingOf, oneOf, type ParameterValues, word } from "./parameters.ts";
import { type ForeignPlugin, idleNotes, plugin, refused, type Surroundings } from "./plugin.ts";
import { scorerUse } from "./use.ts";

const parameters = {
  strategy: oneOf("encoded_endpoint_header", "session_id"),
  profileName: word,
  encodedEndpointHeaderConfig: mappingOf({ header: word }),
  sessionIdConfig: mappingOf({
    sources: listOf(mappingOf({ header: word, attribute: word })),
    evictionTtlSeconds: amount(0),
    evictionSweepSeconds: amount(0),
  }),
} as const;

const noTable = "sessions are placed by a hash: nothing is kept that could be evicted";
const BY_HASH =
  "encoded_endpoint_header reads tokens of both pickers and hands out ip:port, where the Go picker writes namespace/name-rank-N; session_id finds the pod by a hash of pod and session instead of a table, so that a session's first request goes there too and replicas agree";

interface Affinity {
  readonly use: Omit<ScorerUse, "weight">;
  readonly notes: readonly string[];
}

function affinityOf(values: ParameterValues<typeof parameters>, around: Surroundings): Affinity {
  const {
    strategy = "encoded_endpoint_header",
    profileName = "",
    encodedEndpointHeaderConfig,
    sessionIdConfig = {},
  } = values;
  if (profileName !== "") around.complain("no profileName, as there is one profile", JSON.stringify(profileName));
  if (strategy === "encoded_endpoint_header") {
    const tokenHeader = encodedEndpointHeaderConfig?.header ?? "x-session-token";
    const options = { tokenHeader, headers: [], body: false, handOut: true };
    return { use: scorerUse("session-affinity", options), notes: [] };
  }
  const { sources = [{ header: "x-session-id" }], ...rest } = sessionIdConfig;
  return {
    use: scorerUse("session-affinity", { tokenHeader: "", body: false, ...placesOf(sources, around) }),
    ...idleNotes(rest, { evictionTtlSeconds: noTable, evictionSweepSeconds: noTable }),
  };
}

/** An attribute is the session's only where a session-id-producer has put it there. */
function placesOf(
  sources: readonly { readonly header?: string; readonly attribute?: string }[],
  { session, complain }: Surroundings,
): { readonly headers: readonly string[]; readonly cookie?: string } {
  const headers: string[] = [];
  let cookie: string | undefined;
  for (const { header = "", attribute = "" } of sources) {
    if (header !== "") headers.push(header);
    else if (attribute === "") complain("a header or an attribute in every source of the session", "neither");
    else if (session?.header !== undefined) headers.push(session.header);
    else if (session?.cookie !== undefined) cookie = session.cookie;
    else complain("a session-id-producer for the attribute of the session", JSON.stringify(attribute));
  }
  return { headers, ...(cookie !== undefined && { cookie }) };
}

export const sessionPlugins: readonly ForeignPlugin[] = [
  plugin({
    type: "session-affinity-scorer",
    role: "scorer",
    fate: "near",
    ours: "session-affinity",
    remark: BY_HASH,
    parameters,
    make: (values, around) => {
      const { use, notes } = affinityOf(values, around);
      return { scorer: use, notes };
    },
  }),
  plugin({
    type: "session-affinity-filter",
    role: "filter",
    fate: "near",
    ours: "session-affinity",
    remark: `a scorer that weighs more than all others together, beside max-score-picker; ${BY_HASH}`,
    parameters,
    make: (values, around) => {
      const { use, notes } = affinityOf(values, around);
      return { decidingScorer: use, notes };
    },
  }),
  refused("filter", "session-affinity-filter", "multicluster-session-affinity-filter"),
];
