/** Row 7: the pod was picked, and cannot be reached. */
import { rows } from "../catalogue/rows.ts";
import { requestPaths } from "../envoy/request-paths.ts";
import type { Evidence } from "../evidence.ts";
import { type KubeObject, titleOf } from "../kube/kube-object.ts";
import { podTrouble } from "../kube/picker-service.ts";
import type { AccessLine } from "../logs/access-line.ts";
import { weightOfLines } from "../logs/recovered.ts";
import type { Because, Probe, Sighting } from "../probe.ts";

export const podUnreachable: Probe = {
  row: rows.podUnreachable,
  needs: [["access"], ["config", "stats", "hosts"]],
  look: (evidence) => (evidence.access.length > 0 ? ofLines(evidence) : ofHosts(evidence)),
};

function ofLines(evidence: Evidence): Sighting[] {
  const { access, stats } = evidence;
  const failed = access.filter(isUnreached);
  const [line] = failed;
  if (line === undefined) return [];
  const hosts = [...new Set(failed.map(({ upstreamHost }) => upstreamHost))];
  const counted = stats?.ofCluster(line.upstreamCluster, "upstream_cx_connect_fail") ?? 0;
  return [
    {
      weight: weightOfLines(failed, access),
      object: `pod ${hosts.join(", ")}`,
      says: `${failed.length} of ${access.length} requests came to nothing at ${hosts.slice(0, 3).join(", ")}: ${whyOf(line)}`,
      evidence: [
        line.quote,
        ...(counted > 0 && stats !== undefined
          ? [stats.quoteOfCluster(line.upstreamCluster, "upstream_cx_connect_fail")]
          : []),
      ],
      because: hosts.slice(0, 1).flatMap((host) => ofPod(host, evidence)),
      values: valuesOf(hosts[0] ?? ""),
    },
  ];
}

/** Envoy chose it, and got no connection; the words are left out by some formats. */
function isUnreached({ flags, upstreamHost, details }: AccessLine): boolean {
  const isNoConnection = flags.split(",").includes("UF") || /connect_(error|timeout)|connection_failure/.test(details);
  return isNoConnection && upstreamHost !== "" && !details.includes("ext_proc");
}

function whyOf({ details, transportFailure }: AccessLine): string {
  const words = (transportFailure || (/\{(.*)\}/.exec(details)?.[1] ?? "")).replaceAll("_", " ");
  if (/refused|connect error: 111\b/i.test(words)) return "the connection was refused";
  if (/timeout/i.test(words)) return "there was no connection in time";
  return words === "" ? "there was no connection" : words;
}

/** Counters tell of the cluster, the list of hosts tells which: one that most connections failed to. */
function ofHosts({ config, hosts }: Evidence): Sighting[] {
  if (config === undefined || hosts === undefined) return [];
  const names = new Set(requestPaths(config).flatMap(({ clusters }) => clusters.map(({ name }) => name)));
  return [...names]
    .flatMap((name) => hosts.get(name) ?? [])
    .filter(({ connectFailures, connections }) => connectFailures > 0 && connectFailures * 2 >= connections)
    .slice(0, 1)
    .map(({ address, connectFailures, quote, cluster }) => ({
      weight: "fault",
      object: `pod ${address}`,
      says: `${connectFailures} connections of cluster ${cluster} to ${address} failed`,
      evidence: [quote],
      values: valuesOf(address),
    }));
}

/** What Kubernetes says of whoever has the address. */
function ofPod(host: string, { objects, picker }: Evidence): Because[] {
  const ip = host.replace(/:\d+$/, "");
  const pods = objects.filter(({ kind, at }) => kind === "Pod" && at.at("status", "podIP").isThere);
  const pod = pods.find(({ at }) => at.at("status", "podIP").text() === ip);
  if (pod !== undefined) return [...podTrouble(pod), ...otherPort(pod, host)];
  const listed = picker?.pods.find((each) => each["address"] === host);
  const quote = { source: listed === undefined ? (pods[0]?.at.source ?? "") : (picker?.source ?? ""), text: "" };
  if (pods.length === 0) return [];
  const text =
    listed === undefined
      ? `${pods.length} pods, none with the address ${ip}`
      : `${String(listed["name"])} has the address ${host}`;
  return [{ says: `No pod has the address ${ip} any more.`, evidence: { ...quote, text } }];
}

function otherPort(pod: KubeObject, host: string): Because[] {
  const port = Number(host.split(":").at(-1));
  const ports = pod.at
    .at("spec", "containers")
    .items()
    .flatMap((container) => container.at("ports").items())
    .map((each) => each.at("containerPort"));
  const [first] = ports;
  if (first === undefined || ports.some((each) => each.number() === port)) return [];
  return [{ says: `${titleOf(pod)} names other ports than ${port}.`, evidence: first.quote() }];
}

/** ip:port, IPv6 in brackets. */
function valuesOf(address: string): Readonly<Record<string, string>> {
  const [, six, four, port = ""] = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(address) ?? [];
  return { ip: six ?? four ?? address, port };
}
