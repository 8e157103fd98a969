/** Every way pointsman refuses something: one table of stable codes, and the one error type thrown at boot. */

export type DroppedReason = "rejected-no-endpoints" | "rejected-saturated";

export interface ErrorCodeSpec {
  /** HTTP status of the answer. */
  readonly status: number;
  /** OpenAI's error type, which client libraries map to an exception class. */
  readonly type: string;
  /** What the client reads. Never contains anything of the request. */
  readonly message: string;
  /** The member of the request's body that is wrong, as OpenAI's errors name it. */
  readonly param?: string;
  /** Seconds for a Retry-After header; absent when a retry cannot help. */
  readonly retryAfterSeconds?: number;
  /** What the header x-llm-d-request-dropped-reason says, in the words of the Go picker; absent where it says nothing. */
  readonly dropped?: DroppedReason;
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
  model_too_long: {
    status: 400,
    type: "invalid_request_error",
    message: "The 'model' in the request body is too long.",
    meaning: "The body of an inference path names a model in more than 512 bytes.",
  },
  body_too_large: {
    status: 413,
    type: "invalid_request_error",
    message: "The request body is larger than the picker's limit.",
    meaning: "The body passes --body-limit; seen from content-length where the client sent one.",
  },
  model_not_found: {
    status: 404,
    type: "invalid_request_error",
    param: "model",
    message: "The model does not exist here.",
    meaning: "No pod of the pool serves the model; the message names those that are served. See --unknown-model.",
  },
  pool_unknown: {
    status: 404,
    type: "invalid_request_error",
    message: "The request names no pool, or one that does not exist.",
    meaning:
      "Of several pools none is named by route metadata or x-pointsman-pool, and neither the body nor the path /v1/models/{id} names a model that tells; or a wrong name.",
  },
  not_cached: {
    status: 412,
    type: "invalid_request_error",
    message: "The pod for the request holds nothing of its prompt in the cache.",
    meaning: "The request says Prefer: if-available, and the picked pod is believed to hold no block of the prompt.",
  },
  strategy_unknown: {
    status: 400,
    type: "invalid_request_error",
    message: "The request names a routing strategy that does not exist here.",
    meaning: "The header of --routing-strategy-header names no strategy of AIBrix's that is done here, and no profile.",
  },
  filter_empty: {
    status: 503,
    type: "server_error",
    message: "None of the pods that the request's own filter allows can serve it.",
    retryAfterSeconds: 1,
    meaning: "The label selector in the header of --external-filter-header leaves no pod, or is none.",
  },
  subset_empty: {
    status: 503,
    type: "server_error",
    message: "None of the pods that the gateway allows for this request can serve it.",
    retryAfterSeconds: 1,
    dropped: "rejected-no-endpoints",
    meaning: "Envoy's subset hint allows no pod of the pool that serves the model.",
  },
  no_pods: {
    status: 503,
    type: "server_error",
    message: "No pod is available to serve the request.",
    retryAfterSeconds: 1,
    dropped: "rejected-no-endpoints",
    meaning: "The picker knows no pod of the pool: look at the pods' discovery.",
  },
  no_pod_left: {
    status: 503,
    type: "server_error",
    message: "No pod is left that may serve the request.",
    retryAfterSeconds: 1,
    dropped: "rejected-no-endpoints",
    meaning: "The configured filters leave none of the pool's pods.",
  },
  saturated: {
    status: 429,
    type: "rate_limit_error",
    message: "All pods are at their limit.",
    retryAfterSeconds: 1,
    dropped: "rejected-saturated",
    meaning: "The filter `saturation` leaves no pod, and its fallbackOnEmpty is off.",
  },
  overloaded: {
    status: 503,
    type: "server_error",
    message: "The picker has too many requests open.",
    retryAfterSeconds: 1,
    dropped: "rejected-saturated",
    meaning:
      "More streams are open than --stream-limit allows, or a body that only a backend's own form can be made of finds no room under --buffer-limit.",
  },
  unsupported_path: {
    status: 404,
    type: "invalid_request_error",
    message: "The path is of no API that is served here.",
    meaning: "The router phase knows no API by this path, or the backend of an attempt has none like it.",
  },
  untranslatable: {
    status: 422,
    type: "invalid_request_error",
    message: "The request asks for something that the backend has no word for.",
    meaning: "A translator found no way to say a member of the body to its provider; `param` names the member.",
  },
  body_unreadable: {
    status: 415,
    type: "invalid_request_error",
    message: "The request body is of a kind, or in a coding, that cannot be read here.",
    meaning: "A body whose model is to be read, or which is to be translated, came in another content-type or coding.",
  },
  backend_unknown: {
    status: 500,
    type: "server_error",
    message: "The gateway is not set up for the backend of this request.",
    meaning: "An attempt names no backend, or one that the config file does not have, and --unknown-backend refuses.",
  },
  filter_mode_unfit: {
    status: 500,
    type: "server_error",
    message: "The gateway does not show what the backend's requests and answers need.",
    meaning:
      "The filter of an attempt hides a body that the backend needs changed (its processing_mode), and --unknown-backend refuses.",
  },
  backend_credential_missing: {
    status: 503,
    type: "server_error",
    message: "The gateway has no credential for the backend at present.",
    retryAfterSeconds: 5,
    meaning: "The backend's file, or its token, could not be read yet: look at the log.",
  },
  backend_answer_cut: {
    status: 502,
    type: "server_error",
    message: "The backend's answer broke off.",
    meaning: "In the body of an answer that was translated: the backend closed before the end that its API has.",
  },
  backend_answer_unreadable: {
    status: 502,
    type: "server_error",
    message: "The backend's answer could not be read.",
    meaning: "In the body of an answer that was to be translated: it is none of the backend's API.",
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

/** Thrown until every port listens, never later, with every fault found. */
export class ConfigError extends Error {
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[]) {
    super(faults.map(describeFault).join("\n"));
    this.name = "ConfigError";
    this.faults = faults;
  }
}

/** Where a port was to listen, and the flags that said so. */
export interface ListenPlace {
  readonly addressFlag: string;
  readonly address: string;
  readonly portFlag: string;
  readonly port: number;
}

/** What a failed listen says about the settings; any other failure as it came. */
export function listenError(error: unknown, { addressFlag, address, portFlag, port }: ListenPlace): unknown {
  const wrongPort = (expected: string) => new ConfigError([{ path: portFlag, expected, got: String(port) }]);
  switch (codeOf(error)) {
    case "EADDRINUSE":
      return wrongPort(`a port that is free on ${address}`);
    case "EACCES":
      return wrongPort(`a port that this process may open on ${address}`);
    case "EADDRNOTAVAIL":
    case "EAFNOSUPPORT":
    case "EINVAL":
      return new ConfigError([{ path: addressFlag, expected: "an address of this machine", got: address }]);
    default:
      return error;
  }
}

/** The system's name for what went wrong, such as ENOENT; "" when it has none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

/** What stands at such a place, as its key or the flag's name tells, is not for a log; a file's name is. */
const secretSetting = /(token|secret|passw(or)?d|api[-_]?key|credentials?|authorization|bearer)$/i;

export function describeFault(fault: ConfigFault): string {
  const { path, expected, got } = fault;
  // A value is quoted, or is a number or a switch; what else is found there has words of ours.
  if (secretSetting.test(path) && /^["\d.+-]|^(true|false)$/.test(got)) {
    return `${path}: expected ${expected}, got another value, which is not shown`;
  }
  const hint = fault.hint === undefined ? "" : ` (did you mean ${fault.hint}?)`;
  return `${path}: expected ${expected}, got ${got}${hint}`;
}
