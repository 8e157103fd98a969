/** Talks to the API server of a test in raw JSON: no field is lost between a test and the server's answer. */
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { Agent, request } from "undici";

export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name?: string; readonly namespace?: string; readonly [field: string]: unknown };
  readonly [field: string]: unknown;
}

/** An object without its content: an object itself will do. */
export type KubeRef = Pick<KubeObject, "apiVersion" | "kind" | "metadata">;

export interface KubeAnswer {
  readonly status: number;
  readonly body: KubeObject;
}

/** The server said no. */
class KubeError extends Error {
  readonly status: number;

  constructor(what: string, { status, body }: KubeAnswer) {
    super(`${what}: ${status} ${body["message"] ?? JSON.stringify(body)}`);
    this.name = "KubeError";
    this.status = status;
  }
}

interface KubeIdentity {
  readonly token?: string;
  readonly "client-certificate-data"?: string;
  readonly "client-key-data"?: string;
}

export interface Kubeconfig {
  readonly cluster: { readonly server: string; readonly "certificate-authority-data"?: string };
  readonly user: KubeIdentity;
}

/** Only files that our test server wrote, which are JSON. */
export function readKubeconfig(file: string): Kubeconfig {
  const { clusters, users } = JSON.parse(readFileSync(file, "utf8"));
  return { cluster: clusters[0].cluster, user: users[0].user };
}

/** What node:tls and undici want to know of a kubeconfig. */
export function tlsOptions({ cluster, user }: Kubeconfig): { ca?: Buffer; cert?: Buffer; key?: Buffer } {
  const decode = (text: string) => Buffer.from(text, "base64");
  const { "certificate-authority-data": ca } = cluster;
  const { "client-certificate-data": cert, "client-key-data": key } = user;
  return { ...(ca && { ca: decode(ca) }), ...(cert && { cert: decode(cert) }), ...(key && { key: decode(key) }) };
}

/** The part of a CustomResourceDefinition that says where its objects are served. */
interface KindSpec {
  readonly group: string;
  readonly names: { readonly plural: string };
  readonly versions: readonly { readonly name: string }[];
}

const POLL_MS = 10;
const MERGE_PATCH = "application/merge-patch+json";
const patchTypes = {
  merge: MERGE_PATCH,
  json: "application/json-patch+json",
  /** Lists that have a key are merged by it. */
  strategic: "application/strategic-merge-patch+json",
};

export class KubeClient {
  readonly #server: string;
  readonly #token: string | undefined;
  readonly #agent: Agent;

  constructor(kubeconfigFile: string) {
    const kubeconfig = readKubeconfig(kubeconfigFile);
    this.#server = kubeconfig.cluster.server;
    this.#token = kubeconfig.user.token;
    // A connection for each request: none is left over from before a restart.
    this.#agent = new Agent({ pipelining: 0, connect: tlsOptions(kubeconfig) });
  }

  close(): Promise<void> {
    return this.#agent.close();
  }

  /** Whatever the answer is; throws only where there is none. */
  async ask(method: string, path: string, body?: unknown, type = "application/json"): Promise<KubeAnswer> {
    const answer = await request(`${this.#server}${path}`, {
      dispatcher: this.#agent,
      method: method as "GET",
      headers: { ...(body !== undefined && { "content-type": type }), ...this.#authorization() },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await answer.body.text();
    // Some of the server's own pages are plain text.
    const isJson = String(answer.headers["content-type"]).includes("json");
    return { status: answer.statusCode, body: isJson ? JSON.parse(text) : { message: text } };
  }

  create(object: KubeObject): Promise<KubeObject> {
    return this.#call("POST", folderOf(object), object);
  }

  /** Creates it, or gives an existing one these fields; a field that the server does not know is refused. */
  apply(object: KubeObject, manager = "test"): Promise<KubeObject> {
    const path = `${pathOf(object)}?fieldManager=${manager}&force=true&fieldValidation=Strict`;
    return this.#call("PATCH", path, object, "application/apply-patch+yaml");
  }

  read(ref: KubeRef): Promise<KubeObject> {
    return this.#call("GET", pathOf(ref));
  }

  /** A merge patch: lists are replaced whole, null takes a field away. */
  patch(ref: KubeRef, change: unknown, manager?: string): Promise<KubeObject> {
    const as = manager === undefined ? "" : `?fieldManager=${manager}`;
    return this.#call("PATCH", `${pathOf(ref)}${as}`, change, MERGE_PATCH);
  }

  /** As `kubectl patch --type` does, and a field that the server does not know is refused. */
  patchStrictly(ref: KubeRef, type: keyof typeof patchTypes, change: unknown): Promise<KubeObject> {
    return this.#call("PATCH", `${pathOf(ref)}?fieldValidation=Strict`, change, patchTypes[type]);
  }

  patchStatus(ref: KubeRef, status: unknown): Promise<KubeObject> {
    return this.#call("PATCH", `${pathOf(ref)}/status`, { status }, MERGE_PATCH);
  }

  /** With a grace above 0 a pod that has a node stays and is terminating, until it is deleted with 0. */
  async delete(ref: KubeRef, { gracePeriodSeconds }: { gracePeriodSeconds?: number } = {}): Promise<void> {
    const options = gracePeriodSeconds === undefined ? undefined : { gracePeriodSeconds };
    await this.#call("DELETE", pathOf(ref), options);
  }

  /** Resolves when objects of the new kind can be created. */
  async createKind(definition: KubeObject): Promise<void> {
    await this.create(definition);
    const { group, names, versions } = definition["spec"] as KindSpec;
    for (const version of versions) {
      const path = `/apis/${group}/${version.name}/${names.plural}`;
      while ((await this.ask("GET", path)).status !== 200) await delay(POLL_MS);
    }
  }

  async #call(method: string, path: string, body?: unknown, type?: string): Promise<KubeObject> {
    const answer = await this.ask(method, path, body, type);
    if (answer.status >= 300) throw new KubeError(`${method} ${path}`, answer);
    return answer.body;
  }

  #authorization(): Record<string, string> {
    return this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` };
  }
}

/** Where objects of its kind are listed, in its namespace if it has one. */
function folderOf({ apiVersion, kind, metadata }: KubeRef): string {
  const root = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const within = metadata.namespace === undefined ? "" : `/namespaces/${metadata.namespace}`;
  return `${root}${within}/${pluralOf(kind.toLowerCase())}`;
}

/** As English has it: policies, gateways, classes, endpoints. */
export function pluralOf(singular: string): string {
  if (singular.endsWith("ss")) return `${singular}es`;
  if (singular.endsWith("s")) return singular;
  return /[^aeiou]y$/.test(singular) ? `${singular.slice(0, -1)}ies` : `${singular}s`;
}

function pathOf(ref: KubeRef): string {
  if (ref.metadata.name === undefined) throw new Error(`a ${ref.kind} without a name`);
  return `${folderOf(ref)}/${ref.metadata.name}`;
}
