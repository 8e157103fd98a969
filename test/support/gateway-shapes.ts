/** Every way to attach the picker to a gateway, as the Envoy config that comes of it. */
import type { EnvoyConfig } from "../../src/demo/envoy-config.ts";
import { aiGateway } from "./ai-gateway.ts";
import { aibrixGateway } from "./aibrix-gateway.ts";
import { anyLocalityIn, applyPatches, patchesOf } from "./envoy-filter.ts";
import { envoyGateway, patchedGateway } from "./envoy-gateway.ts";
import { istioGateway } from "./istio-gateway.ts";
import { kgateway } from "./kgateway.ts";

export interface Around {
  readonly picker: string;
  readonly pods: readonly string[];
  /** Of Envoy AI Gateway: its own server. */
  readonly server: string;
}

export interface GatewayShape {
  readonly name: string;
  readonly configOf: (around: Around) => EnvoyConfig;
  /** What a client gets while the picker is gone. */
  readonly withoutPicker: readonly number[];
  /** Does a body in duplex mode wait for a picker that hangs as long as its connection stands? Else it is as if it were gone. */
  readonly waits?: true;
  /** What names the pod, where it is not the usual header. */
  readonly header?: "target-pod";
  /** Of the picker behind it. */
  readonly flags?: readonly string[];
}

const istio =
  (file: string, shape: object) =>
  ({ picker, pods }: Around): EnvoyConfig =>
    applyPatches(istioGateway({ picker, pods, anyLocality: anyLocalityIn(file), ...shape }), patchesOf(file));

const aibrix = { header: "target-pod", flags: ["--destination-header=target-pod"] } as const;

export const gatewayShapes: readonly GatewayShape[] = [
  {
    name: "Envoy Gateway, override.yaml",
    configOf: ({ picker, pods }) => envoyGateway("override.yaml", { pickers: [picker], pods }),
    withoutPicker: [200],
  },
  {
    name: "Envoy Gateway, duplex.yaml",
    configOf: ({ picker, pods }) => envoyGateway("duplex.yaml", { pickers: [picker], pods }),
    withoutPicker: [500, 503],
  },
  { name: "Envoy Gateway, original-dst.yaml", configOf: patchedGateway, withoutPicker: [503] },
  {
    name: "Envoy AI Gateway, HTTPRoute",
    configOf: ({ picker, pods }) => aiGateway({ picker, pods, mode: "duplex" }),
    withoutPicker: [500],
    waits: true,
  },
  {
    name: "Envoy AI Gateway, AIGatewayRoute",
    configOf: ({ picker, pods, server }) => aiGateway({ picker, pods, server, mode: "duplex", model: "m" }),
    withoutPicker: [500],
    waits: true,
  },
  { name: "AIBrix", configOf: aibrixGateway, withoutPicker: [503], ...aibrix },
  { name: "Istio, envoy-filter.yaml", configOf: istio("istio/envoy-filter.yaml", {}), withoutPicker: [200] },
  {
    name: "Istio 1.26 and 1.27, buffered.yaml",
    configOf: istio("istio/buffered.yaml", { pools: "1.27", retries: false }),
    withoutPicker: [500, 503, 504],
  },
  {
    name: "Istio 1.28",
    configOf: ({ picker, pods }) => istioGateway({ picker, pods, pools: "1.28", retries: false }),
    withoutPicker: [500, 503],
    waits: true,
  },
  {
    name: "Istio 1.28, replace-filter.yaml",
    configOf: istio("istio/replace-filter.yaml", { pools: "1.28", retries: false }),
    withoutPicker: [500, 503],
    waits: true,
  },
  { name: "kgateway", configOf: kgateway, withoutPicker: [500], waits: true },
  {
    name: "kgateway, FailOpen",
    configOf: ({ picker, pods }) => kgateway({ picker, pods, failOpen: true }),
    // A body that has been sent to the picker cannot go anywhere else.
    withoutPicker: [500],
    waits: true,
  },
];
