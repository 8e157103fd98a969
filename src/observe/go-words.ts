/** The Go picker's words for what ends badly, and gRPC's own for how streams end. */

/** What a pod's answer of 400 or more counts as. */
export const POD_ERROR = "ModelServerError";

const byStatus: Readonly<Record<number, string>> = {
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  412: "PreconditionFailed",
  413: "BadRequest",
  415: "BadRequest",
  422: "BadRequest",
  429: "ResourceExhausted",
  503: "ServiceUnavailable",
};

/** Of a refusal, by the status it is answered with. */
export function errorWord(status: number): string {
  return byStatus[status] ?? "Internal";
}

const grpcWords = [
  "OK",
  "Canceled",
  "Unknown",
  "InvalidArgument",
  "DeadlineExceeded",
  "NotFound",
  "AlreadyExists",
  "PermissionDenied",
  "ResourceExhausted",
  "FailedPrecondition",
  "Aborted",
  "OutOfRange",
  "Unimplemented",
  "Internal",
  "Unavailable",
  "DataLoss",
  "Unauthenticated",
];

export function grpcWord(status: number): string {
  return grpcWords[status] ?? "Unknown";
}
