/** The refusals that clients of the Go picker may know, and what they are answered here: the table in the documents. */
import type { ErrorCode } from "../errors.ts";

export interface GoPickerReply {
  /** Of the HTTP answer, or the gRPC status that Envoy turns into its own. */
  readonly status: number | "gRPC";
  readonly when: string;
  /** What x-llm-d-request-dropped-reason says there; "" for nothing. */
  readonly reason: string;
  /** What is answered here; none where the case does not come up. */
  readonly codes: readonly ErrorCode[];
  /** Why not, or what differs. */
  readonly note: string;
}

export const goPickerReplies: readonly GoPickerReply[] = [
  {
    status: 400,
    when: "the body cannot be read, or names no model",
    reason: "",
    codes: ["malformed_json", "model_missing", "model_too_long"],
    note: "A path or a prompt that is not known is no fault: such a request is picked for by load.",
  },
  { status: 401, when: "a plug-in says so", reason: "", codes: [], note: "Nobody's identity is checked here." },
  { status: 403, when: "a plug-in says so", reason: "", codes: [], note: "Nobody's rights are checked here." },
  {
    status: 404,
    when: "a plug-in says so",
    reason: "",
    codes: ["model_not_found", "pool_unknown"],
    note: "Said of models that no pod serves and of pools that are not there.",
  },
  {
    status: 412,
    when: "Prefer: if-available, and the picked pod has cached nothing of the prompt",
    reason: "",
    codes: ["not_cached"],
    note: "Needs a scorer that reads cache hits in the profile; without one the preference is not followed.",
  },
  {
    status: 413,
    when: "never: Envoy's own limits come first",
    reason: "",
    codes: ["body_too_large"],
    note: "Said in the API's format, see --body-limit.",
  },
  {
    status: 429,
    when: "all pods are saturated, or the queue is full",
    reason: "rejected-saturated",
    codes: ["saturated"],
    note: "The Go picker leaves the reason out where it has no queue.",
  },
  {
    status: 429,
    when: "the request waited too long in the queue",
    reason: "rejected-ttl-expired",
    codes: [],
    note: "No request waits in a queue here.",
  },
  {
    status: 429,
    when: "the filters leave no pod",
    reason: "",
    codes: ["no_pod_left"],
    note: "503 here, with rejected-no-endpoints: the client did not ask too often.",
  },
  {
    status: 429,
    when: "the request was taken out while it was in flight",
    reason: "evicted",
    codes: [],
    note: "What has begun is never stopped here.",
  },
  {
    status: 500,
    when: "a request without a body, and no pod",
    reason: "",
    codes: ["no_pods"],
    note: "503 here, as for a request with a body.",
  },
  {
    status: 500,
    when: "a fault of the picker's own, or of a plug-in",
    reason: "",
    codes: [],
    note: "The pod is picked by requests in flight instead, and the fault is counted and logged.",
  },
  {
    status: 503,
    when: "no pod, or none in the subset",
    reason: "rejected-no-endpoints",
    codes: ["no_pods", "subset_empty"],
    note: "",
  },
  {
    status: 503,
    when: "the picker is too busy",
    reason: "",
    codes: ["overloaded"],
    note: "With rejected-saturated, see --stream-limit.",
  },
  {
    status: 503,
    when: "the picker shuts down",
    reason: "rejected-shutting-down",
    codes: [],
    note: "Until it ends the picker goes on picking; Envoy has left it by then.",
  },
  {
    status: 503,
    when: "the client left while its request was in the queue",
    reason: "rejected-context-cancelled",
    codes: [],
    note: "No request waits in a queue here, and nobody would read the answer.",
  },
  {
    status: "gRPC",
    when: "an error without a type",
    reason: "",
    codes: [],
    note: "Only after a pick, and where Envoy cannot go on alone: status 13, and Envoy's status_on_error for the client.",
  },
];
