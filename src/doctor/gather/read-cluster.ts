/** Objects and logs of a Kubernetes cluster, by a kubeconfig: the kinds that exist there, and what one may not see of them. */
import { type ApiAnswer, KubernetesApi } from "../../discovery/kubernetes/kubernetes-api.ts";
import { readText } from "../../discovery/kubernetes/read-lines.ts";
import type { Source } from "../diagnose.ts";
import type { Unread } from "../evidence.ts";
import { isRecord, Place } from "../place.ts";
import type { Files } from "./read-files.ts";
import { type ServedKind, servedKinds } from "./served-kinds.ts";

const LONGEST_BYTES = 64 * 1024 * 1024;
const TIMEOUT_MS = 10_000;
const LOG_LINES = "500";
const MOST_LOGS = 16;
/** Pods whose logs hold causes: controllers, gateways, pickers. */
const talkative =
  /envoy-gateway|^envoy-|istiod|aigateway|ai-gateway|kgateway|gateway|epp|endpoint-picker|pointsman|gateway-plugins/;

/** Without a file: where kubectl looks too. */
export async function readCluster(kubeconfig: string | undefined): Promise<Files> {
  // What the file says of the namespace counts, not the pod or the environment in which somebody looks.
  const named = kubeconfig === undefined ? {} : { kubeconfig, namespaceFile: "" };
  return new ClusterReader(new KubernetesApi({ ...named, env: {} })).read();
}

class ClusterReader {
  readonly #api: KubernetesApi;
  readonly #sources: Source[] = [];
  readonly #unread: Unread[] = [];
  #pods: readonly Place[] = [];

  constructor(api: KubernetesApi) {
    this.#api = api;
  }

  async read(): Promise<Files> {
    const found = await servedKinds((path) => this.#text(path)).catch((error: unknown) => messageOf(error));
    if (typeof found === "string") return { sources: [], unread: [{ source: "kubeconfig", why: found }] };
    this.#unread.push(...found.unread);
    const namespace = await this.#api.defaultNamespace();
    await Promise.all(found.kinds.map((kind) => this.#readKind(kind, namespace)));
    await Promise.all(
      this.#pods
        .filter(isTalkative)
        .slice(0, MOST_LOGS)
        .map((pod) => this.#readLogs(pod)),
    );
    return { sources: this.#sources.sort((a, b) => a.name.localeCompare(b.name)), unread: this.#unread };
  }

  async #readKind(kind: ServedKind, namespace: string): Promise<void> {
    const { root, group, plural } = kind;
    const title = group === "" ? plural : `${plural}.${group}`;
    try {
      const all = await this.#text(`${root}/${plural}`);
      if (all.status !== 403) return this.#keep(all, plural, title);
      // What may not be seen everywhere may still be seen at home.
      const own = await this.#text(`${root}/namespaces/${namespace}/${plural}`);
      const missing = own.status === 200 ? `all namespaces but ${namespace}` : "any namespace";
      this.#unread.push({ source: title, why: `no right to list them in ${missing}` });
      if (own.status === 200) this.#keep(own, plural, title);
    } catch (error) {
      this.#unread.push({ source: title, why: messageOf(error) });
    }
  }

  #keep({ status, text }: { status: number; text: string }, plural: string, title: string): void {
    if (status !== 200) {
      this.#unread.push({ source: title, why: `the API server answers ${status}` });
      return;
    }
    const list: unknown = JSON.parse(text);
    if (!isRecord(list) || !Array.isArray(list["items"]) || list["items"].length === 0) return;
    // In a list the items do not say what they are.
    const kind = String(list["kind"]).replace(/List$/, "");
    const items = list["items"].map((item) => ({ apiVersion: list["apiVersion"], kind, ...item }));
    if (plural === "pods") this.#pods = new Place(items, title).items();
    const source = `kubernetes ${title}`;
    this.#sources.push({ name: source, text: JSON.stringify({ kind: "List", items }), file: `${title}.json` });
  }

  async #readLogs(pod: Place): Promise<void> {
    const [namespace, name] = [pod.at("metadata", "namespace").text(), pod.at("metadata", "name").text()];
    const states = pod.at("status", "containerStatuses").items();
    for (const container of pod
      .at("spec", "containers")
      .items()
      .map((each) => each.at("name").text())) {
      const state = states.find((each) => each.at("name").text() === container);
      const restarts = state?.at("restartCount").number() ?? 0;
      for (const previous of restarts > 0 ? ["false", "true"] : ["false"]) {
        const path = `/api/v1/namespaces/${namespace}/pods/${name}/log`;
        const query = { container, tailLines: LOG_LINES, previous };
        const { status, text } = await this.#text(path, query).catch(() => ({ status: 0, text: "" }));
        const title = `log of pod ${namespace}/${name}, ${container}${previous === "true" ? " before its restart" : ""}`;
        const why = whyUnread(status);
        if (why !== undefined) this.#unread.push({ source: title, why });
        const file = `${namespace}-${name}-${container}${previous === "true" ? "-previous" : ""}.log`;
        if (status === 200 && text.trim() !== "") this.#sources.push({ name: title, text, file });
      }
    }
  }

  async #text(path: string, query: Readonly<Record<string, string>> = {}): Promise<{ status: number; text: string }> {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const answer: ApiAnswer = await this.#api.get(path, query, signal);
    return { status: answer.status, text: await readText(answer.body, LONGEST_BYTES) };
  }
}

/** Of a log; a container that has not started, or no longer is, has none, and that is no matter. */
function whyUnread(status: number): string | undefined {
  if (status === 0) return "no answer";
  if (status === 403) return "no right to read it";
  return status >= 500 ? `the API server answers ${status}` : undefined;
}

function isTalkative(pod: Place): boolean {
  return talkative.test(pod.at("metadata", "name").text());
}

function messageOf(error: unknown): string {
  return error instanceof Error && error.message !== "" ? error.message : String(error);
}
