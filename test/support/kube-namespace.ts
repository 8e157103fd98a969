/** A namespace of the test API server, with what its missing controllers and kubelets would do to pods, by hand. */
import type { KubeClient, KubeObject, KubeRef } from "./kube-client.ts";

type Labels = Readonly<Record<string, string>>;

export interface PodOptions {
  readonly labels?: Labels;
  readonly annotations?: Labels;
  /** Makes it ready at once, with this address. */
  readonly readyAt?: string;
  /** Without a node a pod is gone as soon as it is deleted, whatever grace it is given. */
  readonly node?: string | undefined;
  readonly ports?: readonly Readonly<Record<string, unknown>>[];
}

export interface ServiceOptions {
  readonly selector?: Labels;
  readonly port?: number;
  readonly headless?: boolean;
}

export interface Endpoint {
  readonly address: string;
  readonly ready?: boolean;
  readonly terminating?: boolean;
  /** The pod behind it. */
  readonly pod?: string;
}

export interface Rule {
  readonly groups?: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

const rbac = "rbac.authorization.k8s.io";

/** A real cluster takes a while too, but its pods end. */
const DRAIN_SECONDS = 300;

export class KubeNamespace {
  readonly name: string;
  readonly #client: KubeClient;

  constructor(client: KubeClient, name: string) {
    this.#client = client;
    this.name = name;
  }

  ref(kind: string, name: string, apiVersion = "v1"): KubeRef {
    return { apiVersion, kind, metadata: { name, namespace: this.name } };
  }

  /** Puts any object into this namespace. */
  create({ metadata, ...rest }: KubeObject): Promise<KubeObject> {
    return this.#client.create({ ...rest, metadata: { ...metadata, namespace: this.name } } as KubeObject);
  }

  async createPod(name: string, options: PodOptions = {}): Promise<KubeObject> {
    const { labels = {}, annotations = {}, readyAt, ports = [] } = options;
    const node = "node" in options ? options.node : "test-node";
    const pod = await this.create({
      ...this.ref("Pod", name),
      metadata: { name, labels, annotations },
      spec: { nodeName: node, containers: [{ name: "engine", image: "engine", ports }] },
    });
    return readyAt === undefined ? pod : this.markReady(name, readyAt);
  }

  /** What a kubelet reports of a running pod whose probes pass. */
  markReady(pod: string, address: string): Promise<KubeObject> {
    return this.#setStatus(pod, "True", { podIP: address, podIPs: [{ ip: address }] });
  }

  /** Keeps its address. */
  markUnready(pod: string): Promise<KubeObject> {
    return this.#setStatus(pod, "False", {});
  }

  /** Null takes a label away. */
  async label(pod: string, labels: Readonly<Record<string, string | null>>): Promise<void> {
    await this.#client.patch(this.ref("Pod", pod), { metadata: { labels } });
  }

  /** It gets a deletionTimestamp and stays until it is deleted. */
  terminatePod(pod: string): Promise<void> {
    return this.#client.delete(this.ref("Pod", pod), { gracePeriodSeconds: DRAIN_SECONDS });
  }

  /** Gone at once; a watch sees it terminating for a moment, if it had a node. */
  deletePod(pod: string): Promise<void> {
    return this.#client.delete(this.ref("Pod", pod), { gracePeriodSeconds: 0 });
  }

  createService(name: string, { selector, port = 80, headless = false }: ServiceOptions = {}): Promise<KubeObject> {
    return this.create({
      ...this.ref("Service", name),
      spec: {
        ports: [{ name: "http", port }],
        ...(selector !== undefined && { selector }),
        ...(headless && { clusterIP: "None" }),
      },
    });
  }

  /** The endpoints of a service, which no controller works out here. */
  createEndpointSlice(service: string, endpoints: readonly Endpoint[], port = 80): Promise<KubeObject> {
    return this.create({
      ...this.ref("EndpointSlice", `${service}-1`, "discovery.k8s.io/v1"),
      metadata: { name: `${service}-1`, labels: { "kubernetes.io/service-name": service } },
      addressType: "IPv4",
      ports: [{ name: "http", port, protocol: "TCP" }],
      endpoints: endpoints.map(({ address, ready = true, terminating = false, pod }) => ({
        addresses: [address],
        conditions: { ready, serving: ready, terminating },
        ...(pod !== undefined && { targetRef: { kind: "Pod", name: pod, namespace: this.name } }),
      })),
    });
  }

  async createRole(name: string, rules: readonly Rule[]): Promise<void> {
    await this.create({
      ...this.ref("Role", name, `${rbac}/v1`),
      rules: rules.map(({ groups = [""], resources, verbs }) => ({ apiGroups: groups, resources, verbs })),
    });
  }

  /** To a user of a client certificate, or to a service account of this namespace. */
  async bindRole(role: string, to: { readonly user: string } | { readonly serviceAccount: string }): Promise<void> {
    const subject =
      "user" in to
        ? { apiGroup: rbac, kind: "User", name: to.user }
        : { kind: "ServiceAccount", name: to.serviceAccount, namespace: this.name };
    await this.create({
      ...this.ref("RoleBinding", `${role}-${subject.name}`, `${rbac}/v1`),
      subjects: [subject],
      roleRef: { apiGroup: rbac, kind: "Role", name: role },
    });
  }

  /** Resolves with a token of the account, as a pod that runs under it would have. */
  async createServiceAccount(name: string): Promise<string> {
    await this.create(this.ref("ServiceAccount", name));
    const path = `/api/v1/namespaces/${this.name}/serviceaccounts/${name}/token`;
    const { body } = await this.#client.ask("POST", path, {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: {},
    });
    return (body["status"] as { token: string }).token;
  }

  #setStatus(pod: string, ready: "True" | "False", more: Readonly<Record<string, unknown>>): Promise<KubeObject> {
    const lastTransitionTime = new Date().toISOString();
    const conditions = ["Ready", "ContainersReady"].map((type) => ({ type, status: ready, lastTransitionTime }));
    return this.#client.patchStatus(this.ref("Pod", pod), { phase: "Running", conditions, ...more });
  }
}
