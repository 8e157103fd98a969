/**
 * A request in observability mode: the pick that would have been made, beside the pod that served it in its place. The
 * headers of the answer tell which pod that is: it has read the prompt now, and serves the request as long as a stream
 * of events lasts. Before them nobody counts; where the answer comes whole it is over with them.
 */
import type { Pod } from "../pods/pod-table.ts";
import { asPodsAreWritten } from "../pods/written-address.ts";
import type { Lesson } from "../prefix/prefix-index.ts";
import { isEventStream } from "../response/answer-form.ts";
import type { Decision } from "../routing/decision.ts";
import type { Answer } from "./answer.ts";
import { afterwards } from "./decide.ts";
import type { StreamMessage } from "./decode-message.ts";
import { headerValue } from "./header-map.ts";
import { codeDetails, servedAddress, upstreamAddress } from "./read-metadata.ts";
import type { StreamHost } from "./stream-host.ts";

/** Who served: a pod of ours, somebody else, or nobody that we were told of. */
export type Served = Pod | "foreign" | "unseen";

/** What is known of a request that is only watched. */
export interface Watched {
  wouldBe: Decision | undefined;
  /** What the request teaches of the pod that has served it. */
  lesson: Lesson | undefined;
  served: Served;
  /** When the headers of the answer came. */
  servedAtMs: number;
}

/** Envoy's word for an answer of the pod's; any other means that Envoy, or another filter, made the answer itself. */
const BY_POD = "via_upstream";
const CONTENT_TYPE = Buffer.from("content-type");

/** A message of the answer has come: its headers are where the pod is told, its end is the request's. */
export function noteWatched(message: StreamMessage, answer: Answer, host: StreamHost): void {
  if (message.kind === "response_headers") noteServed(message, answer, host);
  else if (message.endOfStream || message.kind === "response_trailers") {
    if (answer.ticket !== undefined) host.inFlight.close(answer.ticket);
  }
}

function noteServed(message: StreamMessage, answer: Answer, host: StreamHost): void {
  const { watched } = answer;
  watched.served = servedBy(message, host);
  watched.servedAtMs = host.now();
  // Who answers with an error has not read the prompt.
  if (message.status >= 400) watched.lesson = undefined;
  tellWatched(answer, host, !message.endOfStream && isEventStream(headerValue(message, CONTENT_TYPE)));
}

/** Once for each request: with its answer, which may `goOn`, or at the end of its stream where none was seen. */
export function tellWatched(answer: Answer, host: StreamHost, goesOn = false): void {
  const { watched } = answer;
  const { wouldBe, served, lesson } = watched;
  if (wouldBe === undefined) return;
  watched.wouldBe = watched.lesson = undefined;
  afterwards(host, () => host.events.watched(wouldBe, served));
  if (typeof served === "string") return;
  afterwards(host, () => {
    const pin = lesson?.(served.slot, served.generation);
    if (!goesOn) host.inFlight.passed(pin);
    else {
      answer.ticket = host.inFlight.open(served);
      host.inFlight.hold(answer.ticket, pin);
    }
  });
}

function servedBy(message: StreamMessage, host: StreamHost): Served {
  const details = codeDetails(message);
  if (details !== "" && details !== BY_POD) return "unseen";
  const address = upstreamAddress(message) || servedAddress(message);
  return address === "" ? "unseen" : (host.podAt(asPodsAreWritten(address)) ?? "foreign");
}
