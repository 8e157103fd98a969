/** Where the definitions of foreign kinds come from: modules of Go, pinned here and nowhere else, or files beside this one. */

/** A module ships them. */
export interface ShippedCrds {
  readonly group: string;
  readonly module: string;
  readonly version: string;
  /** What `go mod download` must find. */
  readonly sum: string;
  /** In the module; `*` stands for the kind in lower case and in the plural. */
  readonly file: string;
  /** Of an older version, beside a newer one: the manifests (paths from deploy/) that are to go with it too. */
  readonly only?: RegExp;
  /** Fields (`spec.a.b`) that the manifests have and this version lacks, as they say beside them. */
  readonly without?: readonly string[];
}

/** No module that can be had ships them: written by us, from the fields that the system's documents name. */
export interface WrittenCrds {
  readonly group: string;
  /** In this folder. */
  readonly file: string;
}

export type CrdSource = ShippedCrds | WrittenCrds;

const envoyGateway = { group: "gateway.envoyproxy.io", module: "github.com/envoyproxy/gateway" };
const inferenceExtension = "sigs.k8s.io/gateway-api-inference-extension";

export const crdSources: readonly CrdSource[] = [
  {
    group: "gateway.networking.k8s.io",
    module: "sigs.k8s.io/gateway-api",
    version: "v1.4.0",
    sum: "h1:ZwlNM6zOHq0h3WUX2gfByPs2yAEsy/EenYJB78jpQfQ=",
    file: "config/crd/standard/gateway.networking.k8s.io_*.yaml",
  },
  {
    group: "inference.networking.k8s.io",
    module: inferenceExtension,
    version: "v1.6.0",
    sum: "h1:cjtwMJYcTnLXBYE5ffR1/hHhn7U1aIFfe2RITYmOXVA=",
    file: "config/crd/bases/inference.networking.k8s.io_*.yaml",
  },
  {
    // Later versions have no pools of this group.
    group: "inference.networking.x-k8s.io",
    module: inferenceExtension,
    version: "v1.0.0",
    sum: "h1:GsHvlu1Cn1t6+vrHoPdNNlpwKxf/y1HuQSlUjd58Ds8=",
    file: "config/crd/bases/inference.networking.x-k8s.io_*.yaml",
  },
  {
    ...envoyGateway,
    version: "v1.9.1",
    sum: "h1:vAVp6/AlBXJ1aOhp1mxL7fNEzVEfjADUguUhm2wzxQY=",
    file: "charts/gateway-helm/charts/crds/crds/generated/gateway.envoyproxy.io_*.yaml",
  },
  {
    ...envoyGateway,
    version: "v1.5.0",
    sum: "h1:wfHytSeNoinwu0vCtWT61XK23qJuRmJyU+CPWdIJp2I=",
    file: "charts/gateway-helm/crds/generated/gateway.envoyproxy.io_*.yaml",
    only: /^gateways\/envoy-gateway\/(route|override|duplex|original-dst)\.yaml$/,
    without: ["spec.timeout.http.streamIdleTimeout"],
  },
  {
    // The one that AIBrix brings. What original-dst.yaml promises begins with 1.3, of which no module is to be had.
    ...envoyGateway,
    version: "v1.2.8",
    sum: "h1:p/YkLz0xVfTJPE7Gdj1+EgEC60/RzOAz0aEp5pP6Oo4=",
    file: "charts/gateway-helm/crds/generated/gateway.envoyproxy.io_*.yaml",
    only: /^gateways\/(aibrix\/|envoy-gateway\/(route|original-dst)\.yaml$)/,
  },
  {
    group: "networking.istio.io",
    module: "istio.io/api",
    version: "v1.31.1",
    sum: "h1:5Yb5ihcz4YQsCkciusK7DnFpBMwRB6EFWeUKH1Atuyk=",
    file: "kubernetes/customresourcedefinitions.gen.yaml",
  },
  {
    group: "monitoring.coreos.com",
    module: "github.com/prometheus-operator/prometheus-operator",
    version: "v0.85.0",
    sum: "h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=",
    file: "example/prometheus-operator-crd/monitoring.coreos.com_*.yaml",
  },
  { group: "aigateway.envoyproxy.io", file: "ai-gateway.yaml" },
  { group: "serving.kserve.io", file: "llm-inference-service.yaml" },
];

/** Files below deploy/kubernetes and deploy/gateways that hold no object, and how each is seen to be right. */
export const fragments: Readonly<Record<string, string>> = {
  "kubernetes/kustomization.yaml": "built by kustomize, and what comes of it applied",
  "kubernetes/aibrix/kustomization.yaml": "built by kustomize, and what comes of it applied",
  "kubernetes/monitoring/kustomization.yaml": "built by kustomize, and what comes of it applied",
  "kubernetes/autoscaling/kustomization.yaml": "built by kustomize, and what comes of it applied",
  "kubernetes/autoscaling/replicas.yaml": "one field of a Deployment that is there, handed over by a test",
  "kubernetes/autoscaling/adapter-rule.yaml": "a rule for the Prometheus adapter: not checked",
  "gateways/aibrix/plugin-deployment.yaml": "a patch, applied to a Deployment that looks like AIBrix's",
  "gateways/envoy-ai-gateway/values.yaml":
    "values for the chart of Envoy Gateway: no test, but seen in what that of 1.9.1 renders",
};

/** Of Kubernetes itself. */
const builtInGroups = [
  "",
  "apps",
  "autoscaling",
  "policy",
  "networking.k8s.io",
  "rbac.authorization.k8s.io",
  "discovery.k8s.io",
];

export const isShipped = (source: CrdSource): source is ShippedCrds => "module" in source;

/** As a reader may look it up. */
export function nameOf(source: CrdSource | undefined): string {
  if (source === undefined) return "Kubernetes 1.36 itself";
  if (!isShipped(source)) return `schema written from the documents (\`test/kube/crds/${source.file}\`)`;
  return `CRD of ${source.module}@${source.version}`;
}

/** Fields of the object that are left out for this source, which does not know them yet. */
export function unknownTo(source: CrdSource | undefined, object: object): string[] {
  const without = source !== undefined && isShipped(source) ? (source.without ?? []) : [];
  const valueAt = (path: string) =>
    path.split(".").reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], object);
  return without.filter((path) => valueAt(path) !== undefined);
}

export const groupOf = (apiVersion: string): string => (apiVersion.includes("/") ? apiVersion.replace(/\/.*/, "") : "");

/**
 * Whose definitions a manifest's object is held against, the newest first; none for what the API server knows by itself.
 * A kind that nobody defines is an error: nothing may go unchecked.
 */
export function sourcesFor(manifest: string, apiVersion: string): CrdSource[] {
  const group = groupOf(apiVersion);
  const isMeant = (source: CrdSource) => !isShipped(source) || (source.only?.test(manifest) ?? true);
  const found = crdSources.filter((source) => source.group === group && isMeant(source));
  if (found.length === 0 && !builtInGroups.includes(group)) {
    throw new Error(`${manifest}: nothing in test/kube/crds defines kinds of ${apiVersion}`);
  }
  return found;
}
