/** Of every row the test that shows it, and by what: the table in deploy/doctor.md, which each test file is held to as it runs. */
import type { rows } from "../../src/doctor/catalogue/rows.ts";
import type { Origin } from "../support/seen-rows.ts";

export interface ShownRow {
  readonly by: Origin;
  /** The test's file, below test/ and without `.test.ts`. */
  readonly in: string;
  /** What of it cannot be told, or was not made for real, and why. */
  readonly untold?: string;
}

/** A row of the catalogue that is missing here does not compile. */
export const shownRows: Readonly<Record<keyof typeof rows, ShownRow>> = {
  filterAbsent: { by: "run", in: "doctor/filter" },
  policyRefused: { by: "server", in: "kube/doctor" },
  nameOfAnother: { by: "run", in: "doctor/filter" },
  directResponse: { by: "run", in: "doctor/accepted" },
  noDestination: { by: "run", in: "doctor/address" },
  noEndpoints: { by: "run", in: "doctor/cluster" },
  podUnreachable: {
    by: "run",
    in: "doctor/pod",
    untold: "A machine that is gone and a NetworkPolicy look the same: nothing comes back of either.",
  },
  shortTimeout: { by: "run", in: "doctor/stream" },
  deadlock: { by: "run", in: "doctor/stream" },
  networkBlocked: {
    by: "run",
    in: "doctor/link-reach",
    untold: "A firewall, a NetworkPolicy and a wrong route look the same: packets vanish.",
  },
  tlsMismatch: { by: "run", in: "doctor/link-speech" },
  pickerDown: { by: "run", in: "doctor/link-reach" },
  sidecarMissing: { by: "run", in: "doctor/link-reach" },
  wrongPort: {
    by: "run",
    in: "doctor/link-speech",
    untold:
      "By counters alone it is row 55, as Envoy counts every error in trailers alike; a port of HTTP/1.1 has the words of row 15.",
  },
  noHttp2: { by: "run", in: "doctor/link-speech" },
  messageTooLong: { by: "run", in: "doctor/stream" },
  bodyTooLong: { by: "run", in: "doctor/body" },
  replyDoesNotFit: { by: "run", in: "doctor/stream" },
  lengthChanged: { by: "run", in: "doctor/body" },
  bodyLost: {
    by: "run",
    in: "doctor/body-duplex",
    untold: "Short bodies, without the pod's answer: Envoy's counts of bytes have the headers in them.",
  },
  bodyTwice: {
    by: "files",
    in: "doctor/body-duplex",
    untold: "The picker's log alone tells it, and is ours: no picker that does so is at hand.",
  },
  updateRefused: { by: "run", in: "doctor/accepted" },
  bypassed: {
    by: "run",
    in: "doctor/stream",
    untold: "Which requests went past: Envoy counts them, and its access log shows them like any other.",
  },
  otherChannel: { by: "run", in: "doctor/address" },
  upstreamPhaseFails: { by: "run", in: "doctor/upstream-phase" },
  routerFilterMissing: { by: "run", in: "doctor/filter" },
  extensionNotWired: { by: "run", in: "doctor/filter" },
  severalProcessors: {
    by: "run",
    in: "doctor/link-cluster",
    untold: "The fault: the line of the picker's log is ours, as that picker is not at hand. What runs is the risk.",
  },
  routeCacheKept: {
    by: "run",
    in: "doctor/route",
    untold:
      "A header that was not set and one that came too late look the same, unless Envoy counts it or the log's format has the header.",
  },
  modelUnknown: { by: "run", in: "doctor/pod" },
  shedding: { by: "run", in: "doctor/pod" },
  answerCut: { by: "run", in: "doctor/answer" },
  answerInOnePiece: {
    by: "run",
    in: "doctor/answer",
    untold: "A picker that is slow with each piece: no page says how long a piece waited.",
  },
  headerLost: {
    by: "run",
    in: "doctor/address",
    untold:
      "A header that comes with a duplex body, or as `value` in place of `raw_value`: Envoy drops it, and counts nothing.",
  },
  overrideIgnored: {
    by: "run",
    in: "doctor/stream",
    untold: "What the picker asks for: no page has its answers, so that this is a risk and never a fault.",
  },
  retrySamePod: { by: "run", in: "doctor/cluster" },
  failOpenWithoutHosts: { by: "run", in: "doctor/cluster" },
  poolsMixed: { by: "run", in: "doctor/cluster" },
  poolDisabled: { by: "server", in: "kube/doctor" },
  forbidden: { by: "run", in: "kube/doctor" },
  reverted: {
    by: "server",
    in: "kube/doctor",
    untold: "A change of which the operator left nothing: the server then names no other writer.",
  },
  filterOfOneGateway: { by: "server", in: "kube/doctor" },
  forgedDestination: { by: "run", in: "doctor/address" },
  clusterUnknown: { by: "run", in: "doctor/link-cluster" },
  failOpenDuplexRefused: {
    by: "files",
    in: "doctor/accepted",
    untold: "Envoy 1.35.0 alone refuses it, and the tests have 1.36 to 1.40: its log is ours.",
  },
  poolGroup: { by: "server", in: "kube/doctor" },
  signalsLost: {
    by: "run",
    in: "doctor/address",
    untold: "A page that can be read and has not all the metrics: its scrapes count as read.",
  },
  gatewayDown: { by: "server", in: "kube/doctor" },
  noAddress: { by: "server", in: "kube/doctor" },
  authFirst: { by: "run", in: "doctor/route" },
  secondGateway: { by: "server", in: "kube/doctor" },
  staleAddress: {
    by: "run",
    in: "doctor/link-reach",
    untold: "The Service is a file of ours beside a real Envoy.",
  },
  prefixUnknown: { by: "run", in: "doctor/pod" },
  breakerOpen: { by: "run", in: "doctor/stream" },
  pickerFails: { by: "run", in: "doctor/stream" },
  authorityRefused: { by: "run", in: "doctor/link-speech" },
  refused: { by: "server", in: "kube/doctor" },
  noPodKnown: { by: "run", in: "doctor/address" },
  wholeNodeAsked: { by: "files", in: "doctor/second-phase" },
  retriedAnswerCrash: { by: "run", in: "doctor/second-phase" },
  attemptFailsOpen: { by: "run", in: "doctor/second-phase" },
  attemptRefusalsLost: { by: "files", in: "doctor/second-phase" },
  attemptBodyCrash: { by: "files", in: "doctor/second-phase" },
};
