/** How much of a machine pickers take: the formula of sizing.md, and the figures in it. A test holds them against bench/RESULTS.md. */

export type BodyMode = "buffered" | "duplex";

export interface Load {
  readonly requestsPerSecond: number;
  readonly promptTokens: number;
  readonly answerTokens: number;
  /** From the pick to the last byte of the answer. */
  readonly answerSeconds: number;
  readonly pods: number;
  readonly mode: BodyMode;
  /** Is no prompt like another? Else half of each is shared, as in the benches. */
  readonly unique?: boolean;
}

export interface Size {
  /** Of all pickers together, and how many share it. */
  readonly cores: number;
  readonly pickers: number;
  /** Of each picker. */
  readonly openRequests: number;
  readonly memoryMib: number;
}

/** Of English text; the benches' bodies are measured in bytes. */
const bytesPerToken = 4;

/** CPU µs of a request through Envoy by the bytes of its body, answers apart; in between it is a straight line. */
export const requestMicros: Readonly<Record<BodyMode, readonly (readonly [bytes: number, micros: number])[]>> = {
  buffered: [
    [200, 130],
    [32_000, 280],
    [400_000, 1400],
  ],
  duplex: [
    [200, 130],
    [32_000, 360],
    [400_000, 2400],
  ],
};

/**
 * CPU µs on top for each byte of a long prompt that is like no other, on pods whose caches are full: all of its blocks are new,
 * and as many others make room. The bench parses and hashes it too, which is in the figures above already.
 */
export const uniqueByteMicros = 0.0085;

/** Of what the wire bench shows, what Envoy adds: it resets each stream, and sends more headers. */
export const envoyMicros = 45;

/** CPU µs of a piece of an answer that passes through the picker. vLLM streams a piece for each token. */
export const pieceMicros = 10;

/** Cores for the metrics of one pod each second, of 65 KB: what vLLM with a few adapters has. */
export const scrapeCoresPerPod = 0.001;

/** The program with what it needs to run. */
export const programMib = 250;
export const openRequestKib = 16;

/** Of the core that picks; above it a burst waits. The autoscaler's target. */
export const mostUtilisation = 0.6;

/** One picks while another is away. */
export const fewestPickers = 2;

/** Cores of one picker's picking thread, whatever the machine has. */
export const coresPerPicker = 1;

/** Beyond the last point its line goes on. */
function microsOf(mode: BodyMode, bytes: number): number {
  const points = requestMicros[mode];
  const found = points.findIndex(([at], index) => index > 0 && at >= bytes);
  const end = found === -1 ? points.length - 1 : found;
  const [[fromBytes, fromMicros] = [0, 0], [toBytes, toMicros] = [1, 0]] = points.slice(end - 1);
  return fromMicros + ((bytes - fromBytes) * (toMicros - fromMicros)) / (toBytes - fromBytes);
}

export interface Held {
  readonly openRequests: number;
  readonly indexMib: number;
  readonly bodiesMib: number;
}

/** Of one picker that holds so much. */
export function memoryMib({ openRequests, indexMib, bodiesMib }: Held): number {
  return programMib + indexMib + bodiesMib + (openRequests * openRequestKib) / 1024;
}

/** Room for bodies that arrive, in the memory that the manifests ask for. */
const bodiesMibAsked = 64;

/** The most requests in flight that so much memory has room for. */
export function openRequestsIn(mib: number, indexMib: number): number {
  return ((mib - memoryMib({ openRequests: 0, indexMib, bodiesMib: bodiesMibAsked })) * 1024) / openRequestKib;
}

export function sizeFor(load: Load, indexMib: number): Size {
  const bytes = load.promptTokens * bytesPerToken;
  const pieces = load.mode === "duplex" ? load.answerTokens : 0;
  const micros = microsOf(load.mode, bytes) + (load.unique === true ? bytes * uniqueByteMicros : 0);
  const picking = (load.requestsPerSecond * (micros + pieces * pieceMicros)) / 1e6;
  const pickers = Math.max(fewestPickers, Math.ceil(picking / (mostUtilisation * coresPerPicker)));
  // Each of them scrapes all pods.
  const cores = picking + pickers * load.pods * scrapeCoresPerPod;
  const openRequests = Math.ceil((load.requestsPerSecond * load.answerSeconds) / pickers);
  // A body is held while it arrives, in a second at most.
  const bodiesMib = (load.requestsPerSecond * bytes) / pickers / 2 ** 20;
  return { cores, pickers, openRequests, memoryMib: memoryMib({ openRequests, indexMib, bodiesMib }) };
}
