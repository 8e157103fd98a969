/** The verdict as a person reads it at night: what is broken, the proof, the cause behind it, what to do, what to see then. */

import { brief } from "./brief.ts";
import { requestPaths } from "./envoy/request-paths.ts";
import type { Evidence, EvidenceKind } from "./evidence.ts";
import { expectOf, fixOf } from "./fix.ts";
import { checklistOf, type LayerState } from "./layers.ts";
import { type Limit, limitsOf } from "./limits.ts";
import { noVerdict } from "./outcome.ts";
import type { Quote } from "./place.ts";
import { inOneLine } from "./printable.ts";
import { destinationHeaderOf, isTakenAway } from "./probes/forged-destination.ts";
import type { Finding, NotChecked, Verdict } from "./verdict.ts";

/** How to come by evidence of a kind, where the admin port is at hand. */
const suppliedBy: Readonly<Record<EvidenceKind, string>> = {
  config: "curl -s ADMIN/config_dump > config_dump.json",
  stats: "curl -s ADMIN/stats > stats.txt",
  hosts: "curl -s ADMIN/clusters > clusters.txt",
  server: "curl -s ADMIN/server_info > server_info.json",
  access: "kubectl logs of the gateway's pods > access.log",
  logs: "kubectl logs of controller, gateway and picker, a file each",
  objects:
    "kubectl get gateways,httproutes,inferencepools,services,endpointslices,pods,nodes -A -o json > objects.json, and the gateway's own kinds",
  picker: "curl -s PICKER:9090/metrics > picker-metrics.txt",
  live: "pointsman doctor --probe http://GATEWAY --picker PICKER:9002",
};

export function reportOf(verdict: Verdict, evidence: Evidence): string {
  const blocks = [
    headOf(verdict, evidence),
    ["On the way of a request:", ...checklistIn(verdict, evidence).map((line) => `  ${line}`)].join("\n"),
    listed("Also seen; most of it follows from the first:", verdict.also.map(inShort)),
    listed("Wrong, but nothing failed of it yet, or a stray request:", verdict.risks.map(inShort)),
    listed("The narrowest places on the way:", narrowPlaces(evidence).map(inOneRow)),
    listed("Where the pod's address comes from, and what if none comes:", pickedBy(evidence)),
    listed("Of no meaning, though it looks like some:", noiseIn(evidence)),
    listed("Could not be checked:", gapsIn(verdict.notChecked)),
    listed(
      "Not understood:",
      evidence.unread.map(({ source, why }) => `${source}: ${why}`),
    ),
  ];
  return blocks.filter(Boolean).join("\n\n");
}

function headOf(verdict: Verdict, evidence: Evidence): string {
  const { first, risks, ruledOut } = verdict;
  if (first === undefined) {
    const none = noVerdict(verdict, evidence);
    const looked = `${ruledOut.length} faults were looked for and are not there.`;
    if (none !== undefined) {
      const proof = none.evidence === undefined ? "" : ` ${looked}\n    ${shown(none.evidence)}`;
      return `NO VERDICT: ${none.says}.${proof}`;
    }
    const found =
      risks.length > 0
        ? "Nothing is broken for requests of now that could be seen; see the risks."
        : "Nothing is broken that could be seen.";
    const unread = evidence.unread.length > 0 ? " Not all that was given could be read: see the end." : "";
    return `${found} ${looked}${unread}`;
  }
  const { row } = first;
  return [
    `BROKEN: ${row.layer}: ${inOneLine(first.says)} (row ${row.row}, ${row.name})`,
    "",
    "  Seen:",
    ...first.evidence.map((quote) => `    ${shown(quote)}`),
    ...(first.because ?? []).flatMap(({ says, evidence }, index) => [
      ...(index === 0 ? ["  Because:"] : []),
      `    ${says}`,
      `    ${shown(evidence)}`,
    ]),
    "  Do:",
    ...fixOf(first).map((line, index) => `    ${index + 1}. ${line}`),
    `  Then: ${expectOf(first)}`,
  ].join("\n");
}

function inShort(finding: Finding): string {
  return `row ${finding.row.row}, ${finding.row.name}: ${brief(finding.says, LONGEST_CONSEQUENCE)}\n      ${shown(finding.evidence[0], LONGEST_ALSO)}`;
}

function narrowPlaces({ config }: Evidence): string[] {
  if (config === undefined) return [];
  const { body, messageTimeout, routeTimeout, breaker } = limitsOf(config);
  const line = (words: string, limit: Limit | undefined, unit: string) =>
    limit === undefined ? [] : [`${words} ${limit.value.toLocaleString("en")} ${unit} (${limit.of})`];
  return [
    ...line("longest body", body, "bytes"),
    ...line("wait for the picker", messageTimeout, "ms"),
    ...line("whole answer", routeTimeout, "ms"),
    ...line("requests at once", breaker, ""),
  ];
}

const MOST_PATHS = 3;

/** Said once for all paths of which the same is true. */
function pickedBy({ config }: Evidence): string[] {
  if (config === undefined) return [];
  const lines = requestPaths(config).flatMap((path) => {
    const [asker] = path.asking;
    const [cluster] = path.clusters;
    if (asker === undefined || cluster === undefined) return [];
    const header = destinationHeaderOf(cluster);
    const metadata = cluster.overrideSources.some((source) => source.at("metadata").isThere);
    const channel = [...(header === "" ? [] : [`header ${header}`]), ...(metadata ? ["metadata"] : [])].join(", or ");
    const own =
      header === "" ? "" : `; a client's own is ${isTakenAway(path, header) ? "taken away" : "not taken away"}`;
    const failing = asker.extProc.failsOpen ? "goes on without it" : "fails";
    return [
      `cluster ${cluster.name}: ${channel || "not from the picker"}${own}; without an answer a request ${failing}`,
    ];
  });
  return [...new Set(lines)].slice(0, MOST_PATHS);
}

function noiseIn({ logs }: Evidence): string[] {
  const noise = new Map(logs.filter(({ sign }) => sign.isNoise).map((line) => [line.sign, line]));
  return [...noise.values()].map(({ sign, quote }) => `${sign.means} ${shown(quote, LONGEST_NOISE)}`);
}

/** By what is missing: one command supplies many rows. */
function gapsIn(notChecked: readonly NotChecked[]): string[] {
  const byKind = new Map<EvidenceKind, number[]>();
  for (const { row, missing } of notChecked) {
    for (const kind of missing) byKind.set(kind, [...(byKind.get(kind) ?? []), row.row]);
  }
  return [...byKind].map(([kind, numbers]) => {
    const sorted = numbers.sort((a, b) => a - b).join(", ");
    return `row ${sorted}: ${suppliedBy[kind]}`;
  });
}

/** A mark that can be told from the others in black and white. */
const marks: Readonly<Record<LayerState["state"], string>> = {
  well: "ok ",
  broken: "BAD",
  risk: "?? ",
  "not judged": " - ",
};
const LONGEST_SAYS = 100;

/** Beside a verdict the layers that nobody could look at are one line: what would tell of them is said further down. */
function checklistIn(verdict: Verdict, evidence: Evidence): string[] {
  const list = checklistOf(verdict, evidence);
  const isShort = verdict.first !== undefined;
  const unseen = list.filter(({ state }) => state === "not judged").map(({ layer }) => layer);
  const lines = list
    .filter(({ state }) => !isShort || state !== "not judged")
    .map(({ layer, state, says }) => {
      return `${marks[state]} ${layer.padEnd(11)} ${layer === "end to end" ? says : brief(says, LONGEST_SAYS)}`;
    });
  return isShort && unseen.length > 0
    ? [...lines, `${marks["not judged"]} not judged  ${unseen.join(", ")}: no input for these`]
    : lines;
}

/** Nothing of these is proof, and names of gateways are long. */
function inOneRow(line: string): string {
  return brief(line, LONGEST_SAYS + 10);
}

function listed(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? "" : [title, ...lines.map((line) => `  - ${line}`)].join("\n");
}

/** Longer lines are for the file; what is not proof of the verdict itself has a line of the screen. */
const LONGEST_PROOF = 280;
const LONGEST_ALSO = 110;
const LONGEST_CONSEQUENCE = 300;
const LONGEST_NOISE = 80;

function shown({ source, line, text }: Quote, most = LONGEST_PROOF): string {
  return `${source}${line === undefined ? "" : `:${line}`}  ${brief(text, most)}`;
}
