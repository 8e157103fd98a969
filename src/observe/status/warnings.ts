/** What is wrong now, each in a sentence of plain words with what to do about it. */
import type { StartNote } from "../../config/foreign/document-reading.ts";
import type { SourceState } from "../../discovery/discovery.ts";
import type { LastReload } from "../config-report.ts";
import type { PodState } from "../pod-states.ts";
import { isUnread, type Level, named, type PoolState } from "./health.ts";

export interface Warning {
  readonly level: Exclude<Level, "good">;
  readonly text: string;
  /** What helps. */
  readonly cure: string;
}

export interface WarningFacts {
  readonly pods: readonly PodState[];
  readonly pools: readonly PoolState[];
  readonly sources: readonly SourceState[];
  readonly notes: readonly StartNote[];
  readonly reload: LastReload | undefined;
  /** Faults of our own since the start. */
  readonly faults: number;
  readonly bufferedBytes: number;
  readonly bufferLimitBytes: number;
}

/** Reasons are the same for a whole fleet more often than not; more names than this make no sentence. */
const FAULTS_SHOWN = 5;
const NEARLY = 0.9;

/** What needs a hand comes first. */
export function warningsOf(facts: WarningFacts): Warning[] {
  const found = [...ofSources(facts), ...ofPods(facts), ...ofConfig(facts), ...ofOurselves(facts)];
  return [...found.filter(({ level }) => level === "act"), ...found.filter(({ level }) => level === "watch")];
}

function ofSources({ sources, pools }: WarningFacts): Warning[] {
  const found: Warning[] = [];
  for (const { name, pool, known, pods, problem } of sources) {
    const whose = pool === "" || pools.length < 2 ? `The source ${name}` : `The source ${name} of pool ${pool}`;
    if (problem !== "") {
      found.push(
        act(
          `${whose} cannot tell its pods: ${problem}.`,
          known ? "Its last pods stay until it can." : "It is asked again and again.",
        ),
      );
    } else if (known && pods === 0) {
      found.push(act(`${whose} names no pod.`, "Check names, labels and whether the pods are ready."));
    }
  }
  return found;
}

function ofPods({ pods }: WarningFacts): Warning[] {
  const silent = pods.filter(({ reachable }) => !reachable);
  const aside = pods.filter(({ reachable, setAside }) => reachable && setAside);
  const unread = pods.filter(isUnread);
  const tell = (who: readonly PodState[], make: (names: string, isOne: boolean) => Warning): Warning[] =>
    who.length === 0 ? [] : [make(named(who.map(nameAndAddress)), who.length === 1)];
  return [
    ...tell(silent, (names, isOne) =>
      act(
        `${names} ${isOne ? "refuses connections or has fallen silent" : "refuse connections or have fallen silent"}.`,
        `Look at ${isOne ? "the pod" : "the pods"}: requests go to the others until ${isOne ? "it answers" : "they answer"}.`,
      ),
    ),
    ...tell(aside, (names, isOne) =>
      watch(
        `Requests to ${names} fail: ${isOne ? "it is" : "they are"} set aside for a while and tried again.`,
        `Look at the ${isOne ? "pod's" : "pods'"} own log.`,
      ),
    ),
    ...tell(unread, (names, isOne) =>
      watch(
        `The load of ${names} is unknown: ${isOne ? "its" : "their"} metrics cannot be read.`,
        `Such a pod counts as an average one. Check that /metrics can be reached, and the engine's name.`,
      ),
    ),
  ];
}

const nameAndAddress = ({ name, address }: PodState): string => (name === address ? name : `${name} (${address})`);

function ofConfig({ notes, reload }: WarningFacts): Warning[] {
  const found: Warning[] = [];
  if (reload?.outcome === "refused") {
    const shown = reload.faults.slice(0, FAULTS_SHOWN).join("; ");
    const more = reload.faults.length > FAULTS_SHOWN ? ` and ${reload.faults.length - FAULTS_SHOWN} more` : "";
    found.push(
      act(
        `The changed config file is not used: ${shown}${more}.`,
        "The last good configuration stays in force. Mend the file; it is read again.",
      ),
    );
  }
  if (reload !== undefined && reload.needRestart.length > 0) {
    found.push(
      watch(
        `Changes in the config file wait for a restart: ${reload.needRestart.join("; ")}.`,
        "Restart the picker when it suits.",
      ),
    );
  }
  for (const { about, says } of notes) found.push(watch(`${about}: ${says}`, ""));
  return found;
}

function ofOurselves({ faults, bufferedBytes, bufferLimitBytes }: WarningFacts): Warning[] {
  const found: Warning[] = [];
  if (faults > 0) {
    const times = faults === 1 ? "A fault" : `${faults} faults`;
    found.push(
      watch(
        `${times} inside pointsman since the start; the requests were picked by requests in flight.`,
        "Its log has the stack: please report it.",
      ),
    );
  }
  if (bufferedBytes > bufferLimitBytes * NEARLY) {
    found.push(
      act(
        "The memory for request bodies is nearly used up: above its limit, prompts are not looked at.",
        "Raise --buffer-limit, or look for very large bodies.",
      ),
    );
  }
  return found;
}

function watch(text: string, cure: string): Warning {
  return { level: "watch", text, cure };
}

function act(text: string, cure: string): Warning {
  return { level: "act", text, cure };
}
