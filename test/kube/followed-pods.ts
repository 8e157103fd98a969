/** Sources of pods as tests start them: over a kubeconfig, in short intervals, with everything told written down. */
import { onTestFinished } from "vitest";
import { type Api, KubernetesApi } from "../../src/discovery/kubernetes/kubernetes-api.ts";
import { type KubernetesPodsConfig, kubernetesPods } from "../../src/discovery/kubernetes/kubernetes-pods.ts";
import type { ListWatchOptions } from "../../src/discovery/kubernetes/list-watch.ts";
import { HeardEvents } from "../support/heard-events.ts";

/** A hung watch is noticed after four seconds; nothing is listed anew unless there is a reason. */
export const brisk: Partial<ListWatchOptions> = { watchSeconds: 2, graceSeconds: 2 };
/** Also on a machine that does other things. */
export const patient = { timeout: 40_000, interval: 10 };

export class FollowedPods extends HeardEvents {
  /** Goes on until the test ends; resolves with the first thing told. */
  static async start(from: string | Api, config: KubernetesPodsConfig, options = brisk): Promise<FollowedPods> {
    const followed = new FollowedPods();
    const api = typeof from === "string" ? new KubernetesApi({ kubeconfig: from }) : from;
    const source = kubernetesPods(config, { api, options });
    onTestFinished(() => source.stop());
    await source.start(followed);
    return followed;
  }

  /** Everything told so far, and then no longer. */
  forget(): void {
    this.log.length = 0;
  }

  get failures(): string[] {
    return this.log.filter((line) => line.startsWith("fail ")).map((line) => line.slice(5));
  }
}
