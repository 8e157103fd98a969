/** What can go wrong between the picker and an API server, each as one sentence that an operator can act on. */
import { codeOf } from "../../errors.ts";
import { textAt } from "./kube-json.ts";

/** A set of objects of one kind, as the API server is asked for it. */
export interface Resource {
  /** "" for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  /** All namespaces without it. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

/**
 * - absent: the cluster has no such resource
 * - expired: the version asked for is gone, a new list is due
 * - refused: credentials or rights
 * - hung: no answer in time
 * - other: the network, the server itself, the configuration
 */
export type ProblemKind = "absent" | "expired" | "refused" | "hung" | "other";

const LONGEST_QUOTE = 400;

export class ApiProblem extends Error {
  readonly kind: ProblemKind;
  readonly status: number;

  constructor(kind: ProblemKind, message: string, status = 0) {
    super(message);
    this.name = "ApiProblem";
    this.kind = kind;
    this.status = status;
  }
}

/** From an answer other than 200, or an ERROR event of a watch: `said` is a Status object where the server sent one. */
export function problemOfStatus(status: number, said: unknown, resource: Resource): ApiProblem {
  const quote = oneLine(textAt(said, "message") ?? "");
  const place = describeResource(resource);
  switch (status) {
    case 401:
      return new ApiProblem("refused", `the Kubernetes API does not accept the credentials (401) for ${place}`, status);
    case 403:
      return new ApiProblem("refused", forbidden(quote, resource), status);
    case 404:
      return new ApiProblem("absent", `the Kubernetes API has no ${fullName(resource)}`, status);
    case 410:
      return new ApiProblem("expired", `the version of ${place} has expired (410)`, status);
    default:
      return new ApiProblem(
        "other",
        `the Kubernetes API answers ${status} for ${place}${quote && `: ${quote}`}`,
        status,
      );
  }
}

/** The server's own words name the account and the verb; what they lack is what to do about it. */
function forbidden(quote: string, resource: Resource): string {
  const refusal = quote || `${fullName(resource)} is forbidden`;
  const file = resource.namespace === undefined ? "rbac-all-namespaces.yaml" : "rbac.yaml";
  return `${refusal}: needs list and watch on ${describeResource(resource)} (see deploy/kubernetes/${file})`;
}

/** From whatever a request threw: the network, TLS, a kubeconfig, an exec plug-in. */
export function problemOfError(error: unknown, resource: Resource): ApiProblem {
  if (error instanceof ApiProblem) return error;
  const reason = error instanceof Error && error.message !== "" ? error.message : codeOf(error) || String(error);
  return new ApiProblem("other", `cannot ask the Kubernetes API for ${describeResource(resource)}: ${oneLine(reason)}`);
}

export function hungProblem(resource: Resource, seconds: number): ApiProblem {
  const place = describeResource(resource);
  return new ApiProblem("hung", `the Kubernetes API has fallen silent about ${place}: no end within ${seconds} s`);
}

function describeResource(resource: Resource): string {
  const { namespace } = resource;
  return `${fullName(resource)} in ${namespace === undefined ? "all namespaces" : `namespace ${namespace}`}`;
}

/** As RBAC and kubectl write it. */
function fullName({ plural, group }: Resource): string {
  return group === "" ? plural : `${plural}.${group}`;
}

function oneLine(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > LONGEST_QUOTE ? `${line.slice(0, LONGEST_QUOTE)}...` : line;
}
