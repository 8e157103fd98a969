/** What an answer's headers say of the pod that was picked: did it serve the request, and was it that pod at all? */
import { asPodsAreWritten } from "../pods/written-address.ts";
import type { Answer } from "./answer.ts";
import type { StreamMessage } from "./decode-message.ts";
import { headerValue } from "./header-map.ts";
import { codeDetails, servedAddress } from "./read-metadata.ts";
import type { StreamHost } from "./stream-host.ts";

export function noteOutcome(message: StreamMessage, answer: Answer, host: StreamHost): void {
  const { ticket, fingerprint } = answer;
  if (ticket === undefined || answer.pod === undefined || message.status < 0) return;
  const served = servedAddress(message);
  if (served !== "" && served !== answer.pod.address && !moveTo(asPodsAreWritten(served), answer, host)) return;
  const { status } = message;
  if (status >= 400) host.inFlight.promptUnread(ticket);
  const author = authorOf(message);
  if (author === "envoy for want of the pod") {
    host.outcomes.failed(answer.pod, "connect", ticket.openedAtMs, fingerprint);
  } else if (author === "pod" && status < 500) {
    host.outcomes.succeeded(answer.pod, ticket.openedAtMs, fingerprint);
  } else if (author === "pod" && !unsupported.has(status)) {
    host.outcomes.failed(answer.pod, "status", ticket.openedAtMs, fingerprint);
  }
}

/**
 * Envoy went on to another pod: the first one did not take the request, nor did those of the list that come before the
 * one that did. False where that one is none of ours.
 */
function moveTo(served: string, answer: Answer, host: StreamHost): boolean {
  const { ticket, pod: picked, fallbacks, fingerprint } = answer;
  if (ticket === undefined || picked === undefined || served === picked.address) return true;
  const other = host.podAt(served);
  // What names none of our pods says nothing of those that we named.
  if (other === undefined) return false;
  const place = fallbacks.findIndex((pod) => pod.address === served);
  for (const pod of [picked, ...fallbacks.slice(0, Math.max(place, 0))]) {
    host.outcomes.failed(pod, "connect", ticket.openedAtMs, fingerprint);
  }
  host.inFlight.move(ticket, other);
  answer.pod = other;
  answer.moved = true;
  return true;
}

/** 501 and 505 are about what the client asks for, whoever answers. */
const unsupported: ReadonlySet<number> = new Set([501, 505]);

/** The third are answers that say nothing of the pod: a limit or a timeout of Envoy, the word of another filter. */
type Author = "pod" | "envoy for want of the pod" | "envoy";

/** Envoy's words for how an answer came about. */
const BY_POD = "via_upstream";
const NO_ANSWER = "upstream_reset_before_response_started{";
const OVERFLOW = `${NO_ANSWER}overflow`;

/** Envoy adds it to what came from a pod, unless its router is told to suppress such headers. */
const SERVICE_TIME = Buffer.from("x-envoy-upstream-service-time");
/** Servers add it to what they say; Envoy to its own answers only behind the filters, where we do not see it. */
const DATE = Buffer.from("date");
/** A limit of Envoy's own is reached. */
const OVERLOADED = Buffer.from("x-envoy-overloaded");

/** Who made the answer. Only the details are certain; without them the headers are all there is to go by. */
function authorOf(message: StreamMessage): Author {
  const details = codeDetails(message);
  if (details === BY_POD) return "pod";
  if (details !== "") {
    return details.startsWith(NO_ANSWER) && !details.startsWith(OVERFLOW) ? "envoy for want of the pod" : "envoy";
  }
  const { status } = message;
  // A success is hardly ever Envoy's own; a pod on trial must not wait for a header that nobody adds.
  if (status < 300 || hasHeader(message, SERVICE_TIME) || hasHeader(message, DATE)) return "pod";
  const wantsPod = status === 502 || status === 503;
  return wantsPod && !hasHeader(message, OVERLOADED) ? "envoy for want of the pod" : "envoy";
}

function hasHeader(message: StreamMessage, name: Buffer): boolean {
  return headerValue(message, name) !== "";
}
