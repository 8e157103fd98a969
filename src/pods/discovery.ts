/** Which pods exist: merges what the sources say and makes the pod table hold exactly that; its only writer. */
import { isIPv6, SocketAddress } from "node:net";
import type { Pod, PodSpec, PodTable } from "./pod-table.ts";

/** Says which pods exist, and nothing about how they are. */
export interface PodSource {
  readonly name: string;
  /** Publishes the whole set at first and after every change; a source that cannot tell at present publishes nothing. */
  start(publish: (pods: readonly PodSpec[]) => void): Promise<void>;
  stop(): void;
}

export interface PodChange {
  readonly source: string;
  readonly joined: readonly Pod[];
  readonly left: readonly Pod[];
}

/** A source that cannot tell at present; its last known set stays. */
export interface SourceFailure {
  readonly source: string;
  readonly message: string;
}

export interface DiscoveryParts {
  readonly table: PodTable;
  /** A pod that several sources name is taken from the first of them. */
  readonly sources: readonly PodSource[];
  /** Told after the table has changed. */
  onChange(change: PodChange): void;
  onFailure(failure: SourceFailure): void;
}

export class Discovery {
  readonly #parts: DiscoveryParts;
  readonly #latest = new Map<PodSource, readonly PodSpec[]>();
  #stopped = false;

  constructor(parts: DiscoveryParts) {
    this.#parts = parts;
  }

  /** Resolves when every source has published or failed; a failed source does not keep the others. */
  async start(): Promise<void> {
    await Promise.all(this.#parts.sources.map((source) => this.#startSource(source)));
  }

  stop(): void {
    this.#stopped = true;
    for (const source of this.#parts.sources) source.stop();
  }

  async #startSource(source: PodSource): Promise<void> {
    try {
      await source.start((pods) => this.#publish(source, pods));
    } catch (error) {
      this.#parts.onFailure({ source: source.name, message: error instanceof Error ? error.message : String(error) });
    }
  }

  #publish(source: PodSource, pods: readonly PodSpec[]): void {
    if (this.#stopped) return;
    this.#latest.set(source, [...pods]);
    const byAddress = new Map<string, PodSpec>();
    for (const each of this.#parts.sources) {
      for (const pod of this.#latest.get(each) ?? []) {
        if (!byAddress.has(pod.address)) byAddress.set(pod.address, pod);
      }
    }
    const { joined, left } = this.#parts.table.reconcile([...byAddress.values()]);
    if (joined.length > 0 || left.length > 0) this.#parts.onChange({ source: source.name, joined, left });
  }
}

/** `ip:port` as Envoy writes it (IPv6 as inet_ntop does, in brackets), since Envoy compares the text. */
export function podAddress(ip: string, port: number): string {
  if (!isIPv6(ip)) return `${ip}:${port}`;
  return `[${new SocketAddress({ address: ip, family: "ipv6" }).address}]:${port}`;
}
