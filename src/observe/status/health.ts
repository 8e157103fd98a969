/** Health in one sentence for people: no number in it changes while nothing happens, so that it can be read aloud. */
import type { PodState } from "../pod-states.ts";
import type { ReadinessFacts } from "../readiness.ts";

/** `act` needs a hand now, `watch` can wait till the morning. */
export type Level = "good" | "watch" | "act";

export interface Health {
  readonly level: Level;
  readonly sentence: string;
}

/** A pool as the page shows it. */
export interface PoolState {
  readonly name: string;
  readonly profile: string;
  readonly pods: number;
  readonly usable: number;
  /** Names of models, the first of them. */
  readonly models: readonly string[];
  readonly modelCount: number;
}

export interface HealthFacts extends Omit<ReadinessFacts, "openStreams" | "pods" | "usable"> {
  readonly pods: readonly PodState[];
  readonly pools: readonly PoolState[];
  /** Backends that attempts are made for, which need no pods. */
  readonly backends: number;
}

/** So long a set of pods is believed without having been seen anew. */
const BELIEVED_MS = 30_000;
const NAMED_AT_MOST = 3;

const isUsable = ({ reachable, setAside }: PodState): boolean => reachable && !setAside;
/** It answers, and yet nobody knows how busy it is. */
export const isUnread = (pod: PodState): boolean =>
  isUsable(pod) && pod.waiting === null && pod.running === null && pod.kvUsage === null;

export function healthOf(facts: HealthFacts): Health {
  const { started, draining, sources, pods, pools, backends } = facts;
  if (draining) return watch("Draining: open requests are finished, then the picker ends.");
  if (!started) return watch("Starting: the sources of pods are asked for the first time.");
  const untold = sources.filter(({ known }) => !known);
  if (untold.length > 0) {
    return act(
      `Not ready: ${named(untold.map(({ name }) => name))} ${untold.length === 1 ? "has" : "have"} not told any pods yet.`,
    );
  }
  if (sources.length === 0 && backends > 0) {
    const told = backends === 1 ? "one backend" : `${backends} backends`;
    return { level: "good", sentence: `Working: attempts at ${told} are made ready; no pods are set up to pick from.` };
  }
  if (pods.length === 0) return act("No pods: every request is refused until a source names some.");
  const out = pods.filter((pod) => !isUsable(pod));
  if (out.length === pods.length) {
    return act(`No pod can be used: ${whyOut(out, pods.length)}. Requests still go to them, for want of others.`);
  }
  const idle = pools.filter((pool) => pool.usable === 0);
  if (idle.length > 0)
    return act(`${idle.length === 1 ? "Pool" : "Pools"} ${named(idle.map(({ name }) => name))}: no pod can be used.`);
  const old = sources.filter(({ ageMs }) => ageMs > BELIEVED_MS);
  if (old.length > 0)
    return act(`Picking from the last known pods: ${named(old.map(({ name }) => name))} tells nothing any more.`);
  return picking(pods, out);
}

function picking(pods: readonly PodState[], out: readonly PodState[]): Health {
  if (out.length > 0) {
    const left = pods.length - out.length;
    return watch(`Working with ${left} of ${pods.length} pods: ${whyOut(out, pods.length)}.`);
  }
  const unread = pods.filter(isUnread);
  if (unread.length > 0) {
    return watch(
      `Working, but nobody knows how busy ${named(unread.map(({ name }) => name))} ${unread.length === 1 ? "is" : "are"}.`,
    );
  }
  return {
    level: "good",
    sentence: pods.length === 1 ? "Working: the one pod answers." : `Working: all ${pods.length} pods answer.`,
  };
}

/** Such as "a and b do not answer, c is set aside". */
function whyOut(out: readonly PodState[], all: number): string {
  const silent = out.filter(({ reachable }) => !reachable);
  const aside = out.filter(({ reachable }) => reachable);
  if (all > 1 && silent.length === all) return `none of the ${all} answers`;
  if (all > 1 && aside.length === all) return `all ${all} are set aside`;
  const say = (pods: readonly PodState[], one: string, many: string) =>
    pods.length === 0 ? [] : [`${named(pods.map(({ name }) => name))} ${pods.length === 1 ? one : many}`];
  return [...say(silent, "does not answer", "do not answer"), ...say(aside, "is set aside", "are set aside")].join(
    ", ",
  );
}

export function named(names: readonly string[]): string {
  if (names.length > NAMED_AT_MOST)
    return `${names.slice(0, NAMED_AT_MOST - 1).join(", ")} and ${names.length - NAMED_AT_MOST + 1} more`;
  if (names.length < 2) return names.join();
  return `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

function watch(sentence: string): Health {
  return { level: "watch", sentence };
}

function act(sentence: string): Health {
  return { level: "act", sentence };
}
