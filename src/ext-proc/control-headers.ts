/** What the control headers of one request say, read where any came. */
import { type ControlName, controlNames } from "./control-names.ts";
import type { StreamMessage } from "./decode-message.ts";
import { headerValue } from "./header-map.ts";

/** Texts are "" and numbers NaN where nothing usable came. */
export interface ControlHeaders {
  /** Whose request it is, where tenants are to have equal shares. */
  readonly fairnessId: string;
  /** Name of the objective that gives the request its priority. */
  readonly objective: string;
  /** The model that the pod is to be asked for instead. */
  readonly modelRewrite: string;
  readonly sloTtftMs: number;
  readonly sloTpotMs: number;
  readonly videoFps: number;
  readonly videoDurationSeconds: number;
  /** Width and height, as in "1280x720". */
  readonly videoResolution: string;
}

export const noControl: ControlHeaders = Object.freeze({
  fairnessId: "",
  objective: "",
  modelRewrite: "",
  sloTtftMs: Number.NaN,
  sloTpotMs: Number.NaN,
  videoFps: Number.NaN,
  videoDurationSeconds: Number.NaN,
  videoResolution: "",
});

const names = new Map<ControlName, readonly Buffer[]>(
  (Object.entries(controlNames) as [ControlName, readonly string[]][]).map(([name, spellings]) => [
    name,
    spellings.map((each) => Buffer.from(each)),
  ]),
);

export function readControl(message: StreamMessage): ControlHeaders {
  if (message.controlBits === 0) return noControl;
  const text = (name: ControlName) => firstValue(message, names.get(name) ?? []);
  const amount = (name: ControlName) => positive(text(name));
  return {
    fairnessId: text("fairnessId"),
    objective: text("objective"),
    modelRewrite: text("modelRewrite"),
    sloTtftMs: amount("sloTtftMs"),
    sloTpotMs: amount("sloTpotMs"),
    videoFps: amount("videoFps"),
    videoDurationSeconds: amount("videoDurationSeconds"),
    videoResolution: text("videoResolution"),
  };
}

function firstValue(message: StreamMessage, spellings: readonly Buffer[]): string {
  for (const name of spellings) {
    // UTF-8, as the names are in bodies and metrics; decoded first, for a byte of a letter may look like a space.
    const value = Buffer.from(headerValue(message, name), "latin1").toString().trim();
    if (value !== "") return value;
  }
  return "";
}

/** A decimal number above 0; a client's other texts mean nothing. */
function positive(text: string): number {
  const value = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  return value > 0 ? value : Number.NaN;
}
