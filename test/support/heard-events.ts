/** What a source of pods tells, in order, and short enough to compare: addresses, "confirm" or the problem. */
import type { SourceEvents } from "../../src/discovery/pod-source.ts";
import type { PodSpec } from "../../src/pods/pod-table.ts";

export class HeardEvents implements SourceEvents {
  readonly published: (readonly PodSpec[])[] = [];
  readonly log: string[] = [];

  publish(pods: readonly PodSpec[]): void {
    this.published.push(pods);
    this.log.push(pods.map(({ address }) => address).join(" ") || "nobody");
  }

  confirm(): void {
    this.log.push("confirm");
  }

  fail(problem: string): void {
    this.log.push(`fail ${problem}`);
  }

  get last(): string | undefined {
    return this.log.at(-1);
  }

  get addresses(): string[] | undefined {
    return this.published.at(-1)?.map(({ address }) => address);
  }
}
