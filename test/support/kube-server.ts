/** A real API server for tests: started on a free port, killed and brought back, and ended with the test process. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parse } from "yaml";
import { KubeClient, readKubeconfig } from "./kube-client.ts";
import { KubeNamespace } from "./kube-namespace.ts";

export interface KubeServerOptions {
  readonly binary: string;
  /** Users to make kubeconfigs for, as NAME or NAME:GROUP,GROUP; they may do nothing until they are granted something. */
  readonly users?: readonly string[];
  /** Further arguments of kube-apiserver. */
  readonly args?: readonly string[];
}

export interface KubeconfigOptions {
  /** Another address of the same server, such as a relay's. */
  readonly server?: string;
  readonly user?: string;
  /** Instead of the user's certificate. */
  readonly token?: string;
  /** Of the context; `default` without it. */
  readonly namespace?: string;
}

/** What the binary says when it is ready. */
interface Announcement {
  readonly server: string;
  readonly port: number;
  readonly kubeconfigs: Readonly<Record<string, string>>;
  readonly ca: string;
}

const KEPT_LOG_LINES = 40;

export class KubeServer {
  /** May do everything. */
  readonly admin: KubeClient;
  readonly url: string;
  readonly port: number;
  /** PEM file of the authority that signed the server's certificate. */
  readonly caFile: string;
  readonly #options: KubeServerOptions;
  readonly #folder: string;
  readonly #kubeconfigs: Readonly<Record<string, string>>;
  #program: Program;
  #written = 0;

  private constructor(options: KubeServerOptions, folder: string, program: Program, said: Announcement) {
    this.#options = options;
    this.#folder = folder;
    this.#program = program;
    this.#kubeconfigs = said.kubeconfigs;
    this.url = said.server;
    this.port = said.port;
    this.caFile = said.ca;
    this.admin = new KubeClient(this.kubeconfig());
  }

  /** Takes about three seconds, and up to ten on a busy machine. */
  static async start(options: KubeServerOptions): Promise<KubeServer> {
    const folder = await mkdtemp(join(tmpdir(), "pointsman-kube-"));
    const program = new Program(options, folder, 0);
    try {
      return new KubeServer(options, folder, program, await program.ready);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** Its own, for a relay that is to pass for the server. */
  get certificate(): { readonly cert: Buffer; readonly key: Buffer } {
    const read = (name: string) => readFileSync(join(this.#folder, name));
    return { cert: read("server.crt"), key: read("server.key") };
  }

  get pid(): number {
    return this.#program.pid;
  }

  /** A fresh one for each use: namespaces do not end here, since that is a controller's work. */
  async createNamespace(): Promise<KubeNamespace> {
    const wanted = { apiVersion: "v1", kind: "Namespace", metadata: { generateName: "test-" } };
    const { metadata } = await this.admin.create(wanted);
    return new KubeNamespace(this.admin, String(metadata.name));
  }

  /** Of the definition in test/kube/crds; resolves when its objects are served. */
  createKind(file: string, group?: string): Promise<void> {
    const text = readFileSync(new URL(`../kube/crds/${file}.yaml`, import.meta.url), "utf8");
    const kind = parse(text);
    if (group === undefined) return this.admin.createKind(kind);
    const { metadata, spec } = kind;
    const name = `${spec.names.plural}.${group}`;
    return this.admin.createKind({ ...kind, metadata: { ...metadata, name }, spec: { ...spec, group } });
  }

  /** The file of a user that was asked for at the start, or of `admin`. */
  kubeconfig(user = "admin"): string {
    const file = this.#kubeconfigs[user];
    if (file === undefined) throw new Error(`no user ${user}: there are ${Object.keys(this.#kubeconfigs).join(", ")}`);
    return file;
  }

  /** A further file: for another address, or with a token. */
  async writeKubeconfig(options: KubeconfigOptions): Promise<string> {
    const { server = this.url, user = "admin", token, namespace = "default" } = options;
    const known = readKubeconfig(this.kubeconfig(user));
    const file = join(this.#folder, `written-${++this.#written}.kubeconfig`);
    const content = {
      apiVersion: "v1",
      kind: "Config",
      "current-context": "test",
      clusters: [{ name: "test", cluster: { ...known.cluster, server } }],
      users: [{ name: "test", user: token === undefined ? known.user : { token } }],
      contexts: [{ name: "test", context: { cluster: "test", user: "test", namespace } }],
    };
    await writeFile(file, JSON.stringify(content), { mode: 0o600 });
    return file;
  }

  /** SIGKILL by default: nobody gets a goodbye. After SIGTERM it ends its watches properly, within half a second. */
  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    await this.#program.end(signal);
  }

  /**
   * On the same port and with the same data, authority and users. Objects of created kinds are answered with 429 for some
   * moments more, as after the restart of any API server.
   */
  async restart(): Promise<void> {
    await this.kill();
    this.#program = new Program(this.#options, this.#folder, this.port);
    await this.#program.ready;
  }

  /** The end: nothing is left. */
  async stop(): Promise<void> {
    await this.kill();
    await this.admin.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** One run of the binary. */
class Program {
  readonly ready: Promise<Announcement>;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  readonly #log: string[] = [];

  constructor({ binary, users = [], args = [] }: KubeServerOptions, folder: string, port: number) {
    const flags = ["-dir", folder, "-port", String(port), "-exit-with-stdin"];
    const repeated = [...users.flatMap((user) => ["-user", user]), ...args.flatMap((arg) => ["-arg", arg])];
    // Standard input stays open for as long as this process lives: the server ends with it, however that ends.
    const child = spawn(binary, [...flags, ...repeated], { stdio: ["pipe", "pipe", "pipe"] });
    this.#child = child;
    child.stdin.on("error", () => undefined);
    createInterface(child.stderr).on("line", (line) => {
      this.#log.push(line);
      if (this.#log.length > KEPT_LOG_LINES) this.#log.shift();
    });
    this.#ended = new Promise((resolve) => {
      child.once("close", () => resolve());
      child.once("error", () => resolve());
    });
    this.ready = new Promise((resolve, reject) => {
      createInterface(child.stdout).once("line", (line) => resolve(JSON.parse(line)));
      child.once("error", reject);
      child.once("close", (code, signal) => {
        reject(new Error(`the API server ended before it was ready (${signal ?? code}):\n${this.#log.join("\n")}`));
      });
    });
    // Who kills it while it starts need not wait for it as well.
    this.ready.catch(() => undefined);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    this.#child.kill(signal);
    await this.#ended;
  }
}
