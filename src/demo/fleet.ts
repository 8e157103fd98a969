/** A fleet: fake pods of one seed behind an Envoy with a shipped config, with the picker beside it or without. */
import { Agent } from "node:http";
import { engineProfiles } from "../engine-model/engine-profile.ts";
import { type FakePod, startFakePod } from "../engine-model/fake-pod.ts";
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

export function startPickerFleet(options: FleetOptions & { readonly logPath: string }): Promise<PickerFleet> {
  return assemble(async (parts) => {
    const { seed, guard, logPath, onBreakdown } = options;
    const pods = await startPods(options, parts);
    const named = pods.map((pod) => `${pod.name}=${pod.address}`);
    const picker = await startPicker({ pods: named, seed: seed + 1, logPath, guard, onExit: onBreakdown });
    parts.push(picker);
    const edits = [adminOn(0), listenOn(options.port), pickersAt([`127.0.0.1:${picker.grpcPort}`])];
    const fleet = await frontPods(options, parts, pods, renderEnvoyConfig("buffered.yaml", edits));
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
): Promise<Fleet> {
  const envoy = await startEnvoy({
    ...{ binary, config, guard },
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
