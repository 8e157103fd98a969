/**
 * The request headers by which clients and gateways steer a picker. They are meant for us alone, so they end here: what
 * came is taken out before the pod sees the request. Each name has a bit, so that "none came" is a comparison with 0.
 */

/** By meaning: the present name first, then the one it had before, which counts where the present one is not there. */
export const controlNames = {
  fairnessId: ["x-llm-d-inference-fairness-id", "x-gateway-inference-fairness-id"],
  objective: ["x-llm-d-inference-objective", "x-gateway-inference-objective"],
  modelRewrite: ["x-llm-d-model-name-rewrite", "x-gateway-model-name-rewrite"],
  sloTtftMs: ["x-llm-d-slo-ttft-ms", "x-slo-ttft-ms"],
  sloTpotMs: ["x-llm-d-slo-tpot-ms", "x-slo-tpot-ms"],
  videoFps: ["x-llm-d-video-fps"],
  videoDurationSeconds: ["x-llm-d-video-duration-seconds"],
  videoResolution: ["x-llm-d-video-resolution"],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type ControlName = keyof typeof controlNames;

/** Only gateways and pickers say these, and to each other: in a client's request they are forged. */
const forgedNames = [
  "x-gateway-destination-endpoint-subset",
  "x-gateway-destination-endpoint-served",
  "x-gateway-destination-endpoint-scores",
  "x-llm-d-request-dropped-reason",
  // AIBrix's. Its cluster connects to whatever the first one says, so that a client must never have the word.
  "target-pod",
  "target-pod-ip",
];

/** A name's bit is 1 << its place here. */
export const removedNames: readonly string[] = [...Object.values(controlNames).flat(), ...forgedNames];

const removedBytes = removedNames.map((name) => Buffer.from(name));

/** Most other headers differ from all of them in one of these places. */
const firstLetters = new Set(removedBytes.map((bytes) => bytes[0]));
const thirdLetters = new Set(removedBytes.map((bytes) => bytes[2]));

/** The bit of the name in bytes[start..end-1]; 0 for any other header. Called for every header of every request. */
export function controlBit(bytes: Buffer, start: number, end: number): number {
  if (!firstLetters.has(bytes[start]) || !thirdLetters.has(bytes[start + 2])) return 0;
  const length = end - start;
  for (const [place, name] of removedBytes.entries()) {
    if (name.length === length && name.compare(bytes, start, end) === 0) return 1 << place;
  }
  return 0;
}
