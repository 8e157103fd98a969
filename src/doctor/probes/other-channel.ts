/** Row 24: the address comes where the cluster does not look, or does not get to where it looks. */
import { rows } from "../catalogue/rows.ts";
import { optionOf } from "../envoy/links.ts";
import { type PickedCluster, pickedClusters } from "../envoy/pick-results.ts";
import type { Evidence } from "../evidence.ts";
import type { AccessLine } from "../logs/access-line.ts";
import { weightOfShare } from "../logs/recovered.ts";
import type { Because, Probe, Sighting } from "../probe.ts";

/** The names that pickers give the header; some access logs have it. */
const HEADERS = ["x-gateway-destination-endpoint", "target-pod"];

export const otherChannel: Probe = {
  row: rows.otherChannel,
  needs: [["config"], ["access"], ["logs"]],
  look: (evidence) => {
    const shut = pickedClusters(evidence).flatMap((picked) => ofCluster(picked, evidence));
    return shut.length > 0 ? shut : [...ofLines(evidence), ...ofLogs(evidence)];
  },
};

/** Metadata that the filter does not let in never gets to the cluster, whatever the picker sends. */
function ofCluster({ cluster, asker }: PickedCluster, evidence: Evidence): Sighting[] {
  const keys = cluster.overrideSources.map((source) => source.at("metadata", "key").text());
  const { receives } = asker.extProc;
  if (keys.length === 0 || keys.some((key) => key === "" || receives.includes(key))) return [];
  const [key = "envoy.lb"] = keys;
  const [source = cluster.at.at("load_balancing_policy")] = cluster.overrideSources;
  return [
    {
      weight: "fault",
      object: asker.title,
      says: `cluster ${cluster.name} reads the address from metadata ${key}, and ${asker.title} lets none of it in: pods are chosen without the pick`,
      evidence: [
        optionOf(asker, "metadata_options", "receiving_namespaces").quote("is not there: nothing is received"),
        source.quote(),
      ],
      because: dropped(evidence),
      values: { namespace: key, filter: asker.filter.name },
    },
  ];
}

function dropped({ logs }: Evidence): Because[] {
  const said = logs.find(({ sign }) => sign.name === "no-receiving-namespace");
  return said === undefined ? [] : [{ says: said.sign.means, evidence: said.quote }];
}

/** A log that has the header beside the host: another pod than the first of those that were named. */
function ofLines({ access }: Evidence): Sighting[] {
  const named = access.filter((line) => pickOf(line) !== "" && line.upstreamHost !== "" && line.status < 400);
  const elsewhere = named.filter((line) => !pickOf(line).split(/, */).includes(line.upstreamHost));
  const [line] = elsewhere;
  if (line === undefined) return [];
  return [
    {
      weight: weightOfShare(elsewhere, named),
      object: `cluster ${line.upstreamCluster || "(not named)"}`,
      says: `${elsewhere.length} of ${named.length} requests went to another pod than the one that was picked (${pickOf(line)} picked, ${line.upstreamHost} served)`,
      evidence: [line.quote],
      values: { namespace: "envoy.lb" },
    },
  ];
}

function pickOf({ fields }: AccessLine): string {
  const found = HEADERS.map((name) => fields.get(name)).find((value) => value !== undefined && value !== "-");
  return found ?? "";
}

/** Envoy's own log says so at the level of debug: enough where the configuration is not at hand. */
function ofLogs(evidence: Evidence): Sighting[] {
  const [said] = evidence.config === undefined ? dropped(evidence) : [];
  if (said === undefined) return [];
  const says = "metadata in the picker's answer is dropped: the filter has no receiving namespace for it";
  return [{ weight: "fault", object: "the ext_proc filter", says, evidence: [said.evidence] }];
}
