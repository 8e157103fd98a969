/** A fleet: fake pods of one seed behind an Envoy with a shipped config, with the picker beside it or without. */
import { Agent } from "node:http";
import { engineProfiles } from "../engine-model/engine-profile.ts";
import { type FakePod, startFakePod } from "../engine-model/fake-pod.ts";
import { accessLogTo, asGenerated, type Breakage } from "./breakages.ts";
import { adminOn, listenOn, pickersAt, podsAt, renderEnvoyConfig } from "./envoy-config.ts";
import type { Guard } from "./guard.ts";
import { type RunningEnvoy, startEnvoy } from "./run-envoy.ts";
import { type RunningPicker, startPicker } from "./run-picker.ts";

export const demoModel = "demo-70b";
/** What the pods pretend to be. */
export const demoHardware = "simulated Llama-3-70B on four H100";

/**
 * Small enough that one pod cannot cache every conversation under way, large enough that the fleet can: on a larger
 * cache it matters less where a request goes.
 */
const kvTokens = 65_536;
const longestPromptTokens = 32_768;
/** No port that anybody listens on: it takes a privilege, and is reserved. */
const NOBODY = "127.0.0.1:1";
const answerTokens = [16, 48] as const;

export interface FleetOptions {
  /** Path of the Envoy binary. */
  readonly envoy: string;
  readonly guard: Guard;
  readonly podCount: number;
  readonly seed: number;
  /** Model seconds per second. */
  readonly speed: number;
  /** Of Envoy's listener; 0 takes a free one. */
  readonly port: number;
  /** Called when Envoy or the picker ends by itself, with its last words. */
  readonly onBreakdown: (words: string) => void;
}

export interface Fleet {
  readonly pods: readonly FakePod[];
  readonly envoy: RunningEnvoy;
  readonly port: number;
  readonly agent: Agent;
  stop(): Promise<void>;
}

export interface PickerFleet extends Fleet {
  readonly picker: RunningPicker;
}

/** The pods take turns, whatever they are doing. */
export function startRoundRobinFleet(options: FleetOptions): Promise<Fleet> {
  return assemble(async (parts) => {
    const pods = await startPods(options, parts);
    const addresses = pods.map((pod) => pod.address);
    const edits = [adminOn(0), listenOn(options.port), podsAt(addresses)];
    return frontPods(options, parts, pods, renderEnvoyConfig("round-robin.yaml", edits));
  });
}

export interface PickerFleetOptions extends FleetOptions {
  readonly logPath: string;
  /** A fault to be found out. */
  readonly broken?: { readonly breakage: Breakage; readonly accessLogPath: string; readonly logFlushMs: number };
}

export function startPickerFleet(options: PickerFleetOptions): Promise<PickerFleet> {
  return assemble(async (parts) => {
    const { seed, guard, logPath, onBreakdown, broken } = options;
    const pods = await startPods(options, parts);
    const named = pods.map((pod) => `${pod.name}=${pod.address}`);
    const flags = broken?.breakage.pickerFlags ?? [];
    const picker = await startPicker({ pods: named, seed: seed + 1, logPath, guard, flags, onExit: onBreakdown });
    parts.push(picker);
    const where = broken?.breakage.isPickerAway ? NOBODY : `127.0.0.1:${picker.grpcPort}`;
    const faults = broken ? [asGenerated, accessLogTo(broken.accessLogPath), ...broken.breakage.edits] : [];
    const edits = [adminOn(0), listenOn(options.port), pickersAt([where]), ...faults];
    const config = renderEnvoyConfig("buffered.yaml", edits);
    const fleet = await frontPods(options, parts, pods, config, broken?.logFlushMs);
    return { ...fleet, picker };
  });
}

interface Part {
  stop(): Promise<void>;
}

/** What was started before a failure is ended again. */
async function assemble<F>(build: (parts: Part[]) => Promise<F>): Promise<F> {
  const parts: Part[] = [];
  try {
    return await build(parts);
  } catch (error) {
    await stopAll(parts);
    throw error;
  }
}

/** The last one started goes first: nobody is left calling what has gone. */
async function stopAll(parts: readonly Part[]): Promise<void> {
  for (const part of parts.toReversed()) await part.stop();
}

async function startPods({ podCount, seed, speed }: FleetOptions, parts: Part[]): Promise<FakePod[]> {
  const start = (_: unknown, index: number) =>
    startFakePod({
      name: `pod-${index + 1}`,
      model: demoModel,
      maxModelLen: longestPromptTokens,
      ...{ seed, speed, answerTokens },
      engine: { kvTokens, profile: engineProfiles["llama-3-70b-tp4"] },
    });
  const pods = await Promise.all(Array.from({ length: podCount }, start));
  parts.push(...pods);
  return pods;
}

async function frontPods(
  { envoy: binary, guard, onBreakdown }: FleetOptions,
  parts: Part[],
  pods: readonly FakePod[],
  config: ReturnType<typeof renderEnvoyConfig>,
  logFlushMs?: number,
): Promise<Fleet> {
  const envoy = await startEnvoy({
    ...{ binary, config, guard, ...(logFlushMs !== undefined && { logFlushMs }) },
    onExit: ({ code, signal, log }) =>
      onBreakdown([`Envoy ended with ${signal ?? `code ${code}`}`, ...log].join("\n  ")),
  });
  parts.push(envoy);
  const agent = new Agent({ keepAlive: true });
  const port = envoy.ports.get("requests") ?? 0;
  const stop = async () => {
    agent.destroy();
    await stopAll(parts);
  };
  return { pods, envoy, port, agent, stop };
}
