/** Opens the backends of the configuration, and changes from one set of them to the next. */
import { isDeepStrictEqual } from "node:util";
import type { Backend } from "./backends/backend.ts";
import { BackendBook } from "./backends/backend-book.ts";
import type { BackendConfig } from "./config/file-backends.ts";
import type { Config } from "./config/options.ts";
import type { Credential, CredentialEvents } from "./credentials/credential.ts";
import { removedNames } from "./ext-proc/control-names.ts";
import { DEFAULT_MODEL_HEADER } from "./ext-proc/route-answer.ts";
import type { Logger } from "./observe/log.ts";
import type { Instruments } from "./observe/metrics.ts";

export interface BackendParts {
  readonly log: Logger;
  readonly instruments: Instruments;
}

/** Envoy's own words to its next filters and to pods, of which a backend elsewhere has no use. */
const envoyHeaders = [
  "x-envoy-attempt-count",
  "x-envoy-expected-rq-timeout-ms",
  // The client's address, and whether it is of the own network.
  "x-envoy-external-address",
  "x-envoy-internal",
  "x-envoy-is-timeout-retry",
  "x-envoy-original-host",
  "x-envoy-original-method",
  "x-envoy-original-path",
  // Istio's: which workload it is.
  "x-envoy-peer-metadata",
  "x-envoy-peer-metadata-id",
  "x-envoy-upstream-rq-timeout-ms",
  "x-envoy-decorator-operation",
];

type HeaderConfig = Pick<Config, "modelHeader" | "modelHeaders" | "destinationHeaders" | "payerHeader">;

/** Those by which clients, gateways and pickers talk to each other. */
function internalHeaders(config: HeaderConfig): readonly string[] {
  const { modelHeader, payerHeader, modelHeaders, destinationHeaders } = config;
  const own = [modelHeader, DEFAULT_MODEL_HEADER, payerHeader, "x-pointsman-pool"];
  const ours = [...own, ...modelHeaders, ...destinationHeaders];
  return [...ours.filter((name) => name !== ""), ...removedNames, ...envoyHeaders];
}

/** One credential in use, and what it was opened by. */
interface OpenCredential {
  readonly config: BackendConfig["credential"];
  readonly credential: Credential;
}

/** By the backend's name, under which its events are told. */
type OpenCredentials = ReadonlyMap<string, OpenCredential>;

/** Resolves when each is there, or has said that it is not. What is set up as before stays open, with its last good value. */
async function openCredentials(
  configs: readonly BackendConfig[],
  before: OpenCredentials,
  parts: BackendParts,
): Promise<OpenCredentials> {
  const opened = configs.map(async ({ name, credential: config }) => {
    const held = before.get(name);
    if (held !== undefined && isDeepStrictEqual(held.config, config)) return [name, held] as const;
    const credential = await config.kind.open(config.options, eventsOf(name, parts));
    return [name, { config, credential }] as const;
  });
  return new Map(await Promise.all(opened));
}

function withCredential(config: BackendConfig, { credential }: OpenCredential): Backend {
  const { headers, ...others } = config;
  return { ...others, setHeaders: headers.set, removeHeaders: headers.remove, credential };
}

function eventsOf(backend: string, { log, instruments }: BackendParts): CredentialEvents {
  return {
    renewed: () => {
      instruments.credentialReads.add({ backend, outcome: "renewed" });
      log.info({ backend }, "a credential was read");
    },
    failed: (why) => {
      instruments.credentialReads.add({ backend, outcome: "failed" });
      log.error({ backend, why }, "a credential cannot be read: the last good one stays in use, if there was one");
    },
  };
}

/** The backends in force. What is the same as before stays open. */
export class OpenBackends {
  readonly #parts: BackendParts;
  #configs: readonly BackendConfig[] = [];
  #headers: HeaderConfig | undefined;
  #credentials: OpenCredentials = new Map();
  book: BackendBook | undefined;

  constructor(parts: BackendParts) {
    this.#parts = parts;
  }

  /** Opens what is new; what it returns brings the set into force in one step, and closes what only the one before had. */
  async prepare(configs: readonly BackendConfig[], config: HeaderConfig): Promise<() => BackendBook | undefined> {
    const { modelHeader, modelHeaders, destinationHeaders, payerHeader } = config;
    const headers = { modelHeader, modelHeaders, destinationHeaders, payerHeader };
    if (isDeepStrictEqual([configs, headers], [this.#configs, this.#headers])) return () => this.book;
    const credentials = await openCredentials(configs, this.#credentials, this.#parts);
    const backends = configs.flatMap((each) => {
      const open = credentials.get(each.name);
      return open === undefined ? [] : [withCredential(each, open)];
    });
    const next = backends.length === 0 ? undefined : new BackendBook(backends, internalHeaders(headers));
    return () => {
      const before = this.#credentials;
      this.#configs = configs;
      this.#headers = headers;
      this.#credentials = credentials;
      this.book = next;
      closeBut(before, credentials);
      return next;
    };
  }

  close(): void {
    closeBut(this.#credentials, new Map());
    this.#credentials = new Map();
    this.book = undefined;
  }
}

function closeBut(held: OpenCredentials, kept: OpenCredentials): void {
  for (const [name, open] of held) if (kept.get(name) !== open) open.credential.close();
}
