/** Every probe there is; a new one is a file beside these, and a line here. */
import type { Probe } from "../probe.ts";
import { answerCut } from "./answer-cut.ts";
import { answerInOnePiece } from "./answer-in-one-piece.ts";
import { attemptBodyCrash } from "./attempt-body-crash.ts";
import { attemptFailsOpen } from "./attempt-fails-open.ts";
import { attemptRefusalsLost } from "./attempt-refusals-lost.ts";
import { authFirst } from "./auth-first.ts";
import { authorityRefused } from "./authority-refused.ts";
import { bodyLost } from "./body-lost.ts";
import { bodyTooLong } from "./body-too-long.ts";
import { bodyTwice } from "./body-twice.ts";
import { breakerOpen } from "./breaker-open.ts";
import { bypassed } from "./bypassed.ts";
import { clusterUnknown } from "./cluster-unknown.ts";
import { deadlock } from "./deadlock.ts";
import { directResponse } from "./direct-response.ts";
import { extensionNotWired } from "./extension-not-wired.ts";
import { failOpenDuplexRefused } from "./fail-open-duplex-refused.ts";
import { failOpenWithoutHosts } from "./fail-open-without-hosts.ts";
import { filterAbsent } from "./filter-absent.ts";
import { filterOfOneGateway } from "./filter-of-one-gateway.ts";
import { forbidden } from "./forbidden.ts";
import { forgedDestination } from "./forged-destination.ts";
import { gatewayDown } from "./gateway-down.ts";
import { headerLost } from "./header-lost.ts";
import { lengthChanged } from "./length-changed.ts";
import { messageTooLong } from "./message-too-long.ts";
import { modelUnknown } from "./model-unknown.ts";
import { nameOfAnother } from "./name-of-another.ts";
import { networkBlocked } from "./network-blocked.ts";
import { noAddress } from "./no-address.ts";
import { noDestination } from "./no-destination.ts";
import { noEndpoints } from "./no-endpoints.ts";
import { noHttp2 } from "./no-http2.ts";
import { noPodKnown } from "./no-pod-known.ts";
import { otherChannel } from "./other-channel.ts";
import { overrideIgnored } from "./override-ignored.ts";
import { pathWithPrefix } from "./path-with-prefix.ts";
import { pickerDown } from "./picker-down.ts";
import { pickerFails } from "./picker-fails.ts";
import { podUnreachable } from "./pod-unreachable.ts";
import { policyRefused } from "./policy-refused.ts";
import { poolGroup } from "./pool-group.ts";
import { poolsMixed } from "./pools-mixed.ts";
import { poolsOff } from "./pools-off.ts";
import { refused } from "./refused.ts";
import { replyDoesNotFit } from "./reply-does-not-fit.ts";
import { retriedAnswerCrash } from "./retried-answer-crash.ts";
import { retrySamePod } from "./retry-same-pod.ts";
import { reverted } from "./reverted.ts";
import { routeCacheKept } from "./route-cache-kept.ts";
import { routerFilterMissing } from "./router-filter-missing.ts";
import { secondGateway } from "./second-gateway.ts";
import { severalProcessors } from "./several-processors.ts";
import { shedding } from "./shedding.ts";
import { shortTimeout } from "./short-timeout.ts";
import { sidecarMissing } from "./sidecar-missing.ts";
import { signalsLost } from "./signals-lost.ts";
import { staleAddress } from "./stale-address.ts";
import { tlsMismatch } from "./tls-mismatch.ts";
import { updateRefused } from "./update-refused.ts";
import { upstreamPhaseFails } from "./upstream-phase-fails.ts";
import { wholeNodeAsked } from "./whole-node-asked.ts";
import { wrongPort } from "./wrong-port.ts";

export const probes: readonly Probe[] = [
  answerCut,
  answerInOnePiece,
  attemptBodyCrash,
  attemptFailsOpen,
  attemptRefusalsLost,
  authFirst,
  authorityRefused,
  bodyLost,
  bodyTooLong,
  bodyTwice,
  breakerOpen,
  bypassed,
  clusterUnknown,
  deadlock,
  directResponse,
  extensionNotWired,
  failOpenDuplexRefused,
  failOpenWithoutHosts,
  filterAbsent,
  filterOfOneGateway,
  forbidden,
  forgedDestination,
  gatewayDown,
  headerLost,
  lengthChanged,
  messageTooLong,
  modelUnknown,
  nameOfAnother,
  networkBlocked,
  noAddress,
  noDestination,
  noEndpoints,
  noHttp2,
  noPodKnown,
  otherChannel,
  overrideIgnored,
  pathWithPrefix,
  pickerDown,
  pickerFails,
  podUnreachable,
  policyRefused,
  poolGroup,
  poolsMixed,
  poolsOff,
  refused,
  replyDoesNotFit,
  retriedAnswerCrash,
  retrySamePod,
  reverted,
  routeCacheKept,
  routerFilterMissing,
  secondGateway,
  severalProcessors,
  shedding,
  shortTimeout,
  sidecarMissing,
  signalsLost,
  staleAddress,
  tlsMismatch,
  updateRefused,
  upstreamPhaseFails,
  wholeNodeAsked,
  wrongPort,
];
