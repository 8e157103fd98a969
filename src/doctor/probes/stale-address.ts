/** Row 52: a cluster with the address that the picker's Service had before it was made anew. */
import { rows } from "../catalogue/rows.ts";
import { isFailing, type Link, linksOf, linksOfLine } from "../envoy/links.ts";
import { streamErrors } from "../envoy/stream-errors.ts";
import type { Evidence } from "../evidence.ts";
import { type KubeObject, titleOf } from "../kube/kube-object.ts";
import { addressOfService } from "../kube/picker-service.ts";
import { isRecord, type Quote } from "../place.ts";
import type { Probe, Sighting } from "../probe.ts";

export const staleAddress: Probe = {
  row: rows.staleAddress,
  needs: [["config", "objects"]],
  look: (evidence) =>
    linksOf(evidence).flatMap((link): Sighting[] => {
      const stale = staleAddressOf(link, evidence.objects);
      if (stale === undefined) return [];
      const { address, service, now } = stale;
      const failed = failureOn(link, evidence);
      const { path = "", source = "" } = link.cluster?.at ?? {};
      const held: Quote = { source, text: `${path} (${link.to}) has the endpoint ${address}` };
      const moved = service.at.at("spec", "clusterIP").quote();
      return [
        {
          weight: failed === undefined && !isFailing(link) ? "risk" : "fault",
          object: `cluster ${link.to}`,
          says: `cluster ${link.to} goes to ${address}, and ${titleOf(service)} is at ${now}`,
          evidence: failed === undefined ? [held, moved] : [held, moved, failed],
          values: { service: `${service.name}.${service.namespace}.svc`, cluster: link.to, address, now },
        },
      ];
    }),
};

export interface Stale {
  readonly address: string;
  readonly service: KubeObject;
  readonly now: string;
}

/** An address in the configuration that is nobody's, where there is a Service that it could have been. */
export function staleAddressOf({ to, cluster }: Link, objects: readonly KubeObject[]): Stale | undefined {
  const services = objects.filter((object) => object.kind === "Service" && isAddress(addressOfService(object)));
  if (cluster === undefined || cluster.type !== "STATIC" || services.length === 0) return undefined;
  const known = objects.flatMap(addressesIn);
  const mine = ["127.0.0.1", "::1"];
  const isNobodys = (host: string) => isAddress(host) && !known.includes(host) && !mine.includes(host);
  const endpoint = cluster.endpoints.find((each) => isNobodys(hostOf(each)));
  if (endpoint === undefined) return undefined;
  const port = Number(endpoint.split(":").at(-1));
  // By the name of the cluster where that says it, else by the port alone if only one Service has it.
  const withPort = services.filter(({ at }) =>
    at
      .at("spec", "ports")
      .items()
      .some((each) => each.at("port").number() === port),
  );
  const named = withPort.filter(({ name }) => to.includes(name) || name.includes(to));
  const service = named.length === 1 ? named[0] : withPort.length === 1 ? withPort[0] : undefined;
  return service && { address: hostOf(endpoint), service, now: addressOfService(service) };
}

/** A line that fails on this link and tells of no more than a connection. */
function failureOn(link: Link, evidence: Evidence): Quote | undefined {
  const links = linksOf(evidence);
  return streamErrors(evidence).find(
    ({ kind, line }) =>
      ["refused", "unreachable", "timeout", "noHost", "unavailable"].includes(kind) &&
      linksOfLine(links, line).some(({ to }) => to === link.to),
  )?.quote;
}

/** Every address that an object has for itself: Services, pods, endpoints, nodes. */
function addressesIn({ kind, at }: KubeObject): string[] {
  if (!["Service", "Pod", "Endpoints", "EndpointSlice", "Node"].includes(kind)) return [];
  return textsIn(at.value).filter(isAddress);
}

function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (Array.isArray(value)) return value.flatMap(textsIn);
  return isRecord(value) ? Object.values(value).flatMap(textsIn) : [];
}

function hostOf(endpoint: string): string {
  return endpoint.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
}

function isAddress(text: string): boolean {
  return /^\d+\.\d+\.\d+\.\d+$/.test(text) || /^[0-9a-f:]*:[0-9a-f:]+$/i.test(text);
}
