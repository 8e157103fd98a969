/** A request in observability mode: the pick that would have been made, beside the pod that served it in its place. */
import type { Pod } from "../pods/pod-table.ts";
import { asPodsAreWritten } from "../pods/written-address.ts";
import type { Decision } from "../routing/decision.ts";
import type { Answer } from "./answer.ts";
import { afterwards } from "./decide.ts";
import type { StreamMessage } from "./decode-message.ts";
import { codeDetails, servedAddress, upstreamAddress } from "./read-metadata.ts";
import type { StreamHost } from "./stream-host.ts";

/** Who served: a pod of ours, somebody else, or nobody that we were told of. */
export type Served = Pod | "foreign" | "unseen";

/** What is known of a request that is only watched. */
export interface Watched {
  wouldBe: Decision | undefined;
  served: Served;
}

/** Envoy's word for an answer of the pod's; any other means that Envoy, or another filter, made the answer itself. */
const BY_POD = "via_upstream";

/** The headers of the answer have come: they are where the pod is told. */
export function noteServed(message: StreamMessage, answer: Answer, host: StreamHost): void {
  answer.watched.served = servedBy(message, host);
  tellWatched(answer, host);
}

/** Once for each request: with its answer, or at the end of its stream where none was seen. */
export function tellWatched({ watched }: Answer, host: StreamHost): void {
  const { wouldBe, served } = watched;
  if (wouldBe === undefined) return;
  watched.wouldBe = undefined;
  afterwards(host, () => host.events.watched(wouldBe, served));
}

function servedBy(message: StreamMessage, host: StreamHost): Served {
  const details = codeDetails(message);
  if (details !== "" && details !== BY_POD) return "unseen";
  const address = upstreamAddress(message) || servedAddress(message);
  return address === "" ? "unseen" : (host.podAt(asPodsAreWritten(address)) ?? "foreign");
}
