/** The shipped config of failover with two backends that do as a test says, and one or more pickers behind it, which take turns. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import {
  adminOn,
  type Edit,
  listenOn,
  type Place,
  pickersAt,
  places,
  renderEnvoyConfig,
} from "../../src/demo/envoy-config.ts";
import type { RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { completes } from "./chat-answers.ts";
import { type Answer, type Ask, ask } from "./http-framings.ts";
import { type PickerProcess, startPicker } from "./picker-process.ts";
import { findTestEnvoy } from "./test-envoy.ts";
import { type Serve, WiredBackend } from "./wired-backend.ts";

const POLL_MS = 10;

/** What the keys' files hold, by the backend's name. */
export const keys = { primary: "key-of-primary-4c1f", fallback: "key-of-fallback-9e07" } as const;

/** In place of the shipped backends.yaml: two that speak OpenAI's API, each with all that can be its own. */
export const twoBackends = `
listen: { modelHeader: x-ai-eg-model, unknownBackend: refuse }
backends:
  - { name: primary, api: openai, model: model-of-primary, host: primary.example, pathPrefix: /primary,
      credential: { kind: api-key, file: keys/primary }, asksForUsage: true }
  - { name: fallback, api: openai, model: model-of-fallback, host: fallback.example, pathPrefix: /fallback,
      credential: { kind: api-key, file: keys/fallback, header: x-api-key }, asksForUsage: true }
costs:
  - { key: llm_total_token, of: total }
`;

const cluster: Place = ["static_resources", "clusters", "backends"];
const httpOptions = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/** Places of failover.yaml that tests edit. */
export const failoverPlaces = {
  ...places,
  routerPhase: [...places.hcm, "http_filters", "pointsman/route", "typed_config"],
  route: [...places.hcm, "route_config", "virtual_hosts", "all", "routes", "chat"],
  retryPolicy: [...places.hcm, "route_config", "virtual_hosts", "all", "routes", "chat", "route", "retry_policy"],
  cluster,
  http: [...cluster, "typed_extension_protocol_options", httpOptions],
  upstreamPhase: [
    ...[...cluster, "typed_extension_protocol_options", httpOptions],
    ...["http_filters", "pointsman/attempt", "typed_config"],
  ],
  /** By priority. */
  endpoints: [0, 1].map((at): Place => [...cluster, "load_assignment", "endpoints", at, "lb_endpoints", 0]),
} as const;

export const failoverFile: string = fileURLToPath(new URL("../../deploy/backends/failover.yaml", import.meta.url));

/** By priority, as `ip:port`. */
export function backendsAt(addresses: readonly string[]): Edit[] {
  return addresses.map((text, at) => {
    const [address = "", port = ""] = text.split(":");
    const to = { socket_address: { address, port_value: Number(port) } };
    return { op: "set", at: [...(failoverPlaces.endpoints[at] ?? []), "endpoint", "address"], to };
  });
}

/** Both in plaintext. */
const noTls: Edit[] = [
  { op: "remove", at: [...cluster, "transport_socket_matches"] },
  {
    op: "remove",
    at: [...(failoverPlaces.endpoints[1] ?? []), "metadata", "filter_metadata", "envoy.transport_socket_match"],
  },
];

export interface BackendsRigOptions {
  /** Of Envoy; without it the newest. */
  readonly version?: string;
  /** As many take turns. */
  readonly pickers?: number;
  /** The pickers' config file, whose folder has `keys/primary` and `keys/fallback`. */
  readonly file?: string;
  readonly flags?: readonly string[];
  readonly edits?: readonly Edit[];
  /** Addresses in place of the rig's own backends. */
  readonly at?: { readonly primary?: string; readonly fallback?: string };
  /** How long lines of an access log that an edit adds are kept back. */
  readonly logFlushMs?: number;
}

/** Ask `findTestEnvoy` first. */
export async function startBackendsRig(options: BackendsRigOptions = {}): Promise<BackendsRig> {
  const found = await findTestEnvoy(options.version);
  if (found === undefined) throw new Error(`there is no Envoy ${options.version ?? ""}`);
  const { pickers: count = 1, file = twoBackends, flags = [], edits = [], at = {}, logFlushMs } = options;
  const folder = mkdtempSync(join(tmpdir(), "pointsman-backends-"));
  const [primary, fallback] = [new WiredBackend("primary", completes()), new WiredBackend("fallback", completes())];
  await Promise.all([primary.listen(), fallback.listen()]);
  mkdirSync(join(folder, "keys"));
  for (const [name, key] of Object.entries(keys)) writeFileSync(join(folder, "keys", name), key);
  const path = join(folder, "backends.yaml");
  writeFileSync(path, file);
  const args = [`--config-file=${path}`, ...flags];
  const pickers = await Promise.all(Array.from({ length: count }, () => startPicker(args)));
  const config = renderEnvoyConfig(failoverFile, [
    ...[listenOn(0), adminOn(0), pickersAt(pickers.map(({ address }) => address)), ...noTls],
    ...backendsAt([at.primary ?? addressOf(primary), at.fallback ?? addressOf(fallback)]),
    ...edits,
  ]);
  const envoy = await found.start({ config, ...(logFlushMs !== undefined && { logFlushMs }) });
  return new BackendsRig({ envoy, pickers, primary, fallback, folder });
}

const addressOf = ({ port }: WiredBackend) => `127.0.0.1:${port}`;

interface Parts {
  readonly envoy: RunningEnvoy;
  readonly pickers: readonly PickerProcess[];
  readonly primary: WiredBackend;
  readonly fallback: WiredBackend;
  readonly folder: string;
}

export class BackendsRig {
  readonly envoy: RunningEnvoy;
  readonly pickers: readonly PickerProcess[];
  readonly primary: WiredBackend;
  readonly fallback: WiredBackend;
  /** The pickers' file and the keys. */
  readonly folder: string;
  /** Who was asked, in the order in which requests came. */
  readonly asked: string[] = [];

  constructor({ envoy, pickers, primary, fallback, folder }: Parts) {
    this.envoy = envoy;
    this.pickers = pickers;
    this.primary = primary;
    this.fallback = fallback;
    this.folder = folder;
    this.does("primary", completes());
    this.does("fallback", completes());
  }

  /** What the backend does from the next request on. */
  does(name: "primary" | "fallback", serve: Serve): void {
    this[name].serve = (request, response) => {
      this.asked.push(name);
      serve(request, response);
    };
  }

  /** A short chat for the model `chat`, or what else the test wants. */
  ask(question: Partial<Ask> = {}): Promise<Answer> {
    const port = this.envoy.ports.get("requests") ?? 0;
    return ask({ port, framing: "h1 content-length", path: "/v1/chat/completions", body: chatBody(), ...question });
  }

  /** Who was asked for one request: "primary fallback" after a failover. */
  async served(question: Partial<Ask> = {}): Promise<string> {
    const before = this.asked.length;
    await this.ask(question);
    return this.asked.slice(before).join(" ");
  }

  /** Of Envoy; 0 for one that was never counted. */
  async counter(name: string): Promise<number> {
    const line = (await this.envoy.admin("/stats")).split("\n").find((each) => each.startsWith(`${name}: `));
    return Number(line?.slice(name.length + 2) ?? 0);
  }

  /** Asks until it is so; the test's own time limit ends a wait in vain. */
  async counterBecomes(name: string, value: number): Promise<void> {
    while ((await this.counter(name)) !== value) await delay(POLL_MS);
  }

  async stop(): Promise<void> {
    await this.envoy.stop();
    await Promise.all([...this.pickers.map((picker) => picker.kill()), this.primary.close(), this.fallback.close()]);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A chat for `chat`, with other members where the test has some. */
export function chatBody(members: object = {}): Buffer {
  return Buffer.from(JSON.stringify({ model: "chat", messages: [{ role: "user", content: "Hello" }], ...members }));
}
