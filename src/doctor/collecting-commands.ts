/** The exact commands for evidence that cannot be reached from here, for each gateway. */
import type { EvidenceKind } from "./evidence.ts";

interface Gateway {
  readonly name: string;
  /** How to reach the admin port of its proxy, as a command that stays in the background. */
  readonly admin: string;
  readonly proxyLogs: string;
  readonly controllerLogs: string;
  /** Kinds of its own. */
  readonly kinds: string;
}

const gateways: readonly Gateway[] = [
  {
    name: "Envoy Gateway, Envoy AI Gateway, AIBrix",
    admin: "kubectl -n envoy-gateway-system port-forward deploy/ENVOY_DEPLOYMENT 19000:19000 &",
    proxyLogs:
      "kubectl -n envoy-gateway-system logs -l app.kubernetes.io/managed-by=envoy-gateway -c envoy --tail=2000 > access.log",
    controllerLogs: "kubectl -n envoy-gateway-system logs deploy/envoy-gateway --tail=2000 > controller.log",
    kinds:
      "envoyextensionpolicies,envoypatchpolicies,clienttrafficpolicies,backendtrafficpolicies,securitypolicies,envoyproxies",
  },
  {
    name: "Istio, OpenShift Service Mesh",
    admin: "kubectl -n GATEWAY_NAMESPACE port-forward deploy/GATEWAY-istio 19000:15000 &",
    proxyLogs: "kubectl -n GATEWAY_NAMESPACE logs deploy/GATEWAY-istio --tail=2000 > access.log",
    controllerLogs: "kubectl -n istio-system logs deploy/istiod --tail=2000 > controller.log",
    kinds: "envoyfilters.networking.istio.io,destinationrules.networking.istio.io",
  },
  {
    name: "kgateway",
    admin: "kubectl -n GATEWAY_NAMESPACE port-forward deploy/GATEWAY 19000:19000 &",
    proxyLogs: "kubectl -n GATEWAY_NAMESPACE logs deploy/GATEWAY --tail=2000 > access.log",
    controllerLogs: "kubectl -n kgateway-system logs deploy/kgateway --tail=2000 > controller.log",
    kinds: "gatewayextensions,trafficpolicies",
  },
];

const pages: Readonly<Partial<Record<EvidenceKind, string>>> = {
  config: 'curl -s "localhost:19000/config_dump?include_eds" > config_dump.json',
  stats: "curl -s localhost:19000/stats > stats.txt",
  hosts: "curl -s localhost:19000/clusters > clusters.txt",
  server: "curl -s localhost:19000/server_info > server_info.json",
};

const KINDS = "gateways,httproutes,services,endpointslices,pods,nodes,deployments,inferencepools";

/** Of what is missing, nothing of what is there. */
export function collectingCommands(missing: readonly EvidenceKind[]): string[] {
  const ofPages = missing.flatMap((kind) => pages[kind] ?? []);
  const is = (kind: EvidenceKind) => missing.includes(kind);
  const lines = gateways.flatMap(({ name, admin, proxyLogs, controllerLogs, kinds }) => {
    const own = [
      ...(ofPages.length > 0 ? [admin] : []),
      ...(is("access") ? [proxyLogs] : []),
      ...(is("logs") ? [controllerLogs] : []),
      ...(is("objects") ? [`kubectl get ${KINDS},${kinds} -A -o json --show-managed-fields > objects.json`] : []),
    ];
    return own.length === 0 ? [] : [`  ${name}:`, ...own.map((line) => `    ${line}`)];
  });
  const common = [
    ...ofPages,
    ...(is("picker")
      ? ["curl -s PICKER:9090/metrics > picker-metrics.txt; curl -s PICKER:9091/debug/pods > picker-pods.json"]
      : []),
    ...(is("live") ? ["pointsman doctor --probe http://GATEWAY --picker PICKER:9002 --json > live.json"] : []),
  ];
  return [...lines, ...(common.length === 0 ? [] : ["  Any gateway:", ...common.map((line) => `    ${line}`)])];
}
