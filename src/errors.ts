/** Every way pointsman refuses something: one table of stable codes, and the one error type thrown at boot. */

export interface ErrorCodeSpec {
  /** HTTP status of the answer. */
  readonly status: number;
  /** OpenAI's error type, which client libraries map to an exception class. */
  readonly type: string;
  /** What the client reads. Never contains anything of the request. */
  readonly message: string;
  /** Seconds for a Retry-After header; absent when a retry cannot help. */
  readonly retryAfterSeconds?: number;
  /** What the operator should know, for the generated table. */
  readonly meaning: string;
}

export const errorCodes = {
  malformed_json: {
    status: 400,
    type: "invalid_request_error",
    message: "The request body is not valid JSON.",
    meaning: "The body of an inference path could not be read as a JSON object.",
  },
  model_missing: {
    status: 400,
    type: "invalid_request_error",
    message: "The request body has no 'model'.",
    meaning: "The body of an inference path names no model (absent, empty or not a string).",
  },
  body_too_large: {
    status: 413,
    type: "invalid_request_error",
    message: "The request body is larger than the picker's limit.",
    meaning: "The body passes --body-limit; seen from content-length where the client sent one.",
  },
  no_pods: {
    status: 503,
    type: "server_error",
    message: "No pod is available to serve the request.",
    retryAfterSeconds: 1,
    meaning: "The picker knows no pod at all: look at the pods' discovery.",
  },
  overloaded: {
    status: 503,
    type: "server_error",
    message: "The picker has too many requests open.",
    retryAfterSeconds: 1,
    meaning: "More streams are open than --stream-limit allows.",
  },
} as const satisfies Record<string, ErrorCodeSpec>;

export type ErrorCode = keyof typeof errorCodes;

/** One wrong setting: where it stands, what was expected there and what was found. */
export interface ConfigFault {
  readonly path: string;
  readonly expected: string;
  readonly got: string;
  readonly hint?: string;
}

/** Thrown before start only, with every fault found. */
export class ConfigError extends Error {
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[]) {
    super(faults.map(describeFault).join("\n"));
    this.name = "ConfigError";
    this.faults = faults;
  }
}

export function describeFault(fault: ConfigFault): string {
  const hint = fault.hint === undefined ? "" : ` (did you mean ${fault.hint}?)`;
  return `${fault.path}: expected ${fault.expected}, got ${fault.got}${hint}`;
}
