/** Who made the answer that a line of the access log tells of: the pod, the picker, or Envoy for want of either. */
import type { AccessLine } from "./access-line.ts";

/** 503 without a host: nobody was there to be chosen. An ext_proc filter that fails leaves its own words instead. */
export function isWithoutHost({ status, flags, details, upstreamHost }: AccessLine): boolean {
  return status === 503 && flags.split(",").includes("UH") && upstreamHost === "" && !details.includes("ext_proc");
}

/** Envoy had no route for it. */
export function isWithoutRoute({ flags, details }: AccessLine): boolean {
  return flags.split(",").includes("NR") || details === "route_not_found";
}

/** By the names that clusters of original destinations are given. */
export function isLikeOriginalDst({ upstreamCluster, route }: AccessLine): boolean {
  return /original[_-]?dst|original_destination/i.test(`${upstreamCluster} ${route}`);
}

/** The answer came from the pod. Formats without details have its host, and no flag. */
export function isOfPod({ details, flags, upstreamHost }: AccessLine): boolean {
  return upstreamHost !== "" && (details === "via_upstream" || (details === "" && (flags === "-" || flags === "")));
}

/** A filter answered, with no flag and no host: the picker, where the details are its own words or none. */
export function isOfPicker({ details, flags, upstreamHost }: AccessLine): boolean {
  const isPlain = flags === "-" || flags === "";
  return upstreamHost === "" && isPlain && (details === "" || details.startsWith("pointsman_"));
}

/** The API that a path ends in, with what stands before it; undefined for any other path. */
export function apiOf(path: string): { readonly prefix: string; readonly api: string } | undefined {
  const [, prefix, api] =
    /^(.*?)(\/v1\/(?:chat\/completions|completions|embeddings|responses|messages|rerank|score))(?:\?|$)/.exec(path) ??
    [];
  return prefix === undefined || api === undefined ? undefined : { prefix, api };
}
