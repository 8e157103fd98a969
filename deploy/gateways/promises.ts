/** What pointsman promises behind each gateway, and the test that shows it: the table in README.md is made from this, and a test checks what it names. */

export interface Shown {
  /** A file of this repository, and the title of a test in it as it is written there. */
  readonly by: string;
  readonly title: string;
}

export interface GatewayPromise {
  readonly id: string;
  readonly promise: string;
  /** Where it is not shown yet: what it is left to. */
  readonly shown: readonly Shown[] | string;
}

const doctor = "later, a command that looks at gateway and cluster";
const ports = "test/wire/ports.test.ts";
const shownIn =
  (folder: string) =>
  (file: string, title: string): Shown => ({ by: `test/${folder}/${file}.test.ts`, title });
const gateways = shownIn("gateways");
const failover = (title: string) => shownIn("envoy")("failover", title);
const aibrix = (title: string) => gateways("aibrix", title);
const aiGateway = (title: string) => gateways("envoy-ai-gateway", title);
const istio = (title: string) => gateways("istio-envoy-filter", title);

export const gatewayPromises: readonly GatewayPromise[] = [
  {
    id: "AIBrix-1",
    promise:
      "Requests with `routing-strategy` and requests without both succeed, each at the pod that was picked for it.",
    shown: [aibrix("picks for every framing of a request $kind, whatever pod its client names")],
  },
  {
    id: "AIBrix-2",
    promise: "A route that is left while its filter is gone is called that, with the policy and its condition.",
    shown: doctor,
  },
  { id: "AIBrix-3", promise: "The conditions of policies are read, a full disk among their causes.", shown: doctor },
  {
    id: "AIBrix-4",
    promise: "No manifest of ours hangs on a filter's generated name.",
    shown: [{ by: "test/house/filter-names.test.ts", title: "no manifest depends on a filter's made-up name" }],
  },
  {
    id: "AIBrix-5",
    promise: "Where the picker is passed over, the client reads which layer failed.",
    shown: [
      aibrix("says that nobody was asked where the policy was refused, and follows no client"),
      aibrix("says that nobody answered where the picker is gone, and follows no client"),
    ],
  },
  {
    id: "AIGW-1",
    promise: "A chat completion reaches a pod by HTTPRoute, by AIGatewayRoute and by both filters written by hand.",
    shown: [aiGateway("$way, $mode: every framing arrives whole at the picked pod, whatever its client names")],
  },
  {
    id: "AIGW-2",
    promise: "No stream ends without our answer and without a line in the log that says whose it was.",
    shown: [
      {
        by: "test/wire/log.test.ts",
        title: "a stream that ends without our answer leaves a line: peer, first message, mode, attributes and status",
      },
    ],
  },
  {
    id: "AIGW-3",
    promise: "A filter after the choice that asks the picker is told to go on, is counted, and is named once.",
    shown: [aiGateway("$what, is told to go on: one pick, one line in the log")],
  },
  { id: "AIGW-4", promise: "Counters of both filters are told apart, and what they mean.", shown: doctor },
  {
    id: "AIGW-5",
    promise: "The filter after the choice is served too.",
    shown: [failover("sends a request to the primary, in its own words, and nowhere else")],
  },
  {
    id: "AIGW-6",
    promise: "A retry reaches the fallback with that one's model and credentials.",
    shown: [
      failover("goes on to the fallback where the primary %s, with everything made anew"),
      gateways(
        "envoy-gateway-failover",
        "a primary that %s is followed by the fallback, with its own model, path and key",
      ),
    ],
  },
  {
    id: "AIGW-7",
    promise: "A user's error is 404 or 400 with JSON that says why, never 500.",
    shown: [
      aiGateway("$way, $mode: $what is $status, as JSON"),
      gateways("no-route", "answers other paths than those of the rules, and leaves these alone"),
      failover("tells the client of %s, without a backend"),
    ],
  },
  {
    id: "AIGW-8",
    promise: "Both filters may ask different replicas.",
    shown: [failover("is served by both pickers in turn, which share nothing")],
  },
  {
    id: "AIGW-9",
    promise: "Each attempt of a retry goes to the next pod of the picker's list.",
    shown: [gateways("retries", "goes down the list in the $channel, one pod an attempt, with the whole body each")],
  },
  {
    id: "Istio-1",
    promise:
      "STREAMED never hangs; the picker says that it cannot see the body, and sees it where Envoy sends it early.",
    shown: [
      istio("with $mode, sent early: $early, never hangs, and the picker says whether it saw the body"),
      gateways("openshift", "is read from a header where the body comes too late: %s"),
    ],
  },
  {
    id: "Istio-2",
    promise: "NONE is picked for by load, and counted as such.",
    shown: [
      istio("with $mode, sent early: $early, never hangs, and the picker says whether it saw the body"),
      { by: "test/wire/modes.test.ts", title: "picks on the headers in mode NONE" },
    ],
  },
  {
    id: "Istio-3",
    promise: "One port takes TLS and plaintext HTTP/2; who says anything else gets a line that names the cure.",
    shown: [
      { by: ports, title: "one port serves h2c and TLS at the same time" },
      { by: ports, title: "a client of HTTP/1.1 is told, and the log names http2_protocol_options" },
      istio("with a cluster that $title serves past the picker, which names the fault"),
    ],
  },
  { id: "Istio-4", promise: "Filters that get in each other's way are found in Envoy's configuration.", shown: doctor },
  {
    id: "OpenShift-1",
    promise: "Bodies arrive byte by byte in every mode, framing and size.",
    shown: [
      { by: "test/envoy/body-mode-cells.ts", title: "as %s arrives whole at the picked pod" },
      gateways("openshift", "and no stream of all these failed"),
    ],
  },
  {
    id: "OpenShift-2",
    promise: "One picker serves before and after the EnvoyFilter: the mode is told by each stream.",
    shown: [
      gateways(
        "openshift",
        "the filter is put in and taken out under way: each stream is answered in its own mode, whole",
      ),
    ],
  },
  { id: "OpenShift-3", promise: "A body that the filter ate is called that, with the build.", shown: doctor },
  { id: "OpenShift-4", promise: "Every layer from address to pod is checked, each with its evidence.", shown: doctor },
  {
    id: "OpenShift-5",
    promise: "A model that nobody serves is 404, with the names that are served.",
    shown: [gateways("openshift", "that nobody serves is answered 404 with the names that are: %s")],
  },
];
