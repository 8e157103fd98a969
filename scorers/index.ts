/** The scorers that come with pointsman, in the order they are documented; a test compares this list with the folder. */
import type { Scorer } from "../src/scorer.ts";
import capacity from "./capacity.ts";
import contextLength from "./context-length.ts";
import headerLabel from "./header-label.ts";
import inFlight from "./in-flight.ts";
import kvCache from "./kv-cache.ts";
import latency from "./latency.ts";
import loadAware from "./load-aware.ts";
import loraAffinity from "./lora-affinity.ts";
import noHitLru from "./no-hit-lru.ts";
import prefixAffinity from "./prefix-affinity.ts";
import prefixCache from "./prefix-cache.ts";
import queueDepth from "./queue-depth.ts";
import runningRequests from "./running-requests.ts";
import sessionAffinity from "./session-affinity.ts";
import tokenLoad from "./token-load.ts";

export { capacity, contextLength, headerLabel, sessionAffinity };

export const builtInScorers: readonly Scorer[] = [
  queueDepth,
  kvCache,
  prefixCache,
  runningRequests,
  inFlight,
  tokenLoad,
  loraAffinity,
  sessionAffinity,
  latency,
  capacity,
  noHitLru,
  prefixAffinity,
  loadAware,
  headerLabel,
  contextLength,
];
