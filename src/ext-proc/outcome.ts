/** What an answer's headers say of the pod that was picked: did it serve the request, and was it that pod at all? */
import type { Answer } from "./answer.ts";
import type { StreamMessage } from "./decode-message.ts";
import { headerValue } from "./header-map.ts";
import { servedAddress } from "./read-metadata.ts";
import type { StreamHost } from "./stream-host.ts";

/** Envoy adds it to what came from a pod, and not to what it answers itself. */
const FROM_UPSTREAM = Buffer.from("x-envoy-upstream-service-time");

export function noteOutcome(message: StreamMessage, answer: Answer, host: StreamHost): void {
  const { ticket } = answer;
  if (ticket === undefined || answer.pod === undefined || message.status < 0) return;
  const served = servedAddress(message);
  if (served !== "" && served !== answer.pod.address) {
    // Envoy went on to another pod of the list: the first one did not take the request.
    host.outcomes.failed(answer.pod, "connect", ticket.openedAtMs);
    const other = host.podAt(served);
    if (other === undefined) return;
    host.inFlight.move(ticket, other);
    answer.pod = other;
  }
  if (message.status < 500) host.outcomes.succeeded(answer.pod, ticket.openedAtMs);
  else
    host.outcomes.failed(
      answer.pod,
      headerValue(message, FROM_UPSTREAM) === "" ? "connect" : "status",
      ticket.openedAtMs,
    );
}
