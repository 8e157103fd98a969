/** Asks every watched pod, in the thread it is called in: one poll per pod, begun when it is watched. */
import type { Dispatcher } from "undici";
import { Credentials } from "./credentials.ts";
import { Knock } from "./knock.ts";
import { openPodClient } from "./pod-client.ts";
import { PodScrape, type ScrapeContext } from "./pod-scrape.ts";
import type { ScrapeOptions } from "./scrape-options.ts";
import type { PodAddress, ScrapeWork, StartWork, WorkParts } from "./scrape-work.ts";

/** Where time passes by hand and nobody answers by itself. */
export interface InlineParts {
  readonly after?: ScrapeContext["after"];
  readonly connect?: (origin: string) => Dispatcher;
}

/** Pods that join together begin this many a millisecond, so that a large pool does not hold up the thread. */
const BEGINS_PER_MS = 8;

/** For a scraper without a thread of its own. */
export function inlineScrapes(inline: InlineParts = {}): StartWork {
  return (parts) => new InlineScrapes(parts, inline);
}

export class InlineScrapes implements ScrapeWork {
  readonly #parts: WorkParts;
  readonly #inline: InlineParts;
  readonly #scrapes = new Map<number, PodScrape>();

  constructor(parts: WorkParts, inline: InlineParts = {}) {
    this.#parts = parts;
    this.#inline = inline;
  }

  watch(pods: readonly PodAddress[], options: ScrapeOptions): void {
    const context = this.#contextFor(options);
    for (const [i, pod] of pods.entries()) {
      this.#scrapes.set(pod.id, new PodScrape(pod, context, Math.floor(i / BEGINS_PER_MS)));
    }
  }

  drop(id: number): void {
    const scrape = this.#scrapes.get(id);
    this.#scrapes.delete(id);
    scrape?.stop().catch(() => undefined);
  }

  async stop(): Promise<void> {
    const scrapes = [...this.#scrapes.values()];
    this.#scrapes.clear();
    await Promise.all(scrapes.map((scrape) => scrape.stop()));
  }

  #contextFor(options: ScrapeOptions): ScrapeContext {
    const { events, now, random } = this.#parts;
    const credentials = new Credentials(options);
    const open = (origin: string) => openPodClient(origin, options, credentials, now());
    return {
      events,
      options,
      credentials,
      now,
      random,
      after: this.#inline.after ?? afterUnref,
      connect: this.#inline.connect ?? open,
      knock: this.#inline.connect ?? ((origin) => new Knock(origin)),
    };
  }
}

function afterUnref(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms).unref();
  return () => clearTimeout(timer);
}
