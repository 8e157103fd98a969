/** What every source of Kubernetes is given. */
import type { Api } from "./kubernetes-api.ts";
import { type ListWatchOptions, listWatchDefaults } from "./list-watch.ts";

export interface WatchParts {
  readonly api: Api;
  readonly options: ListWatchOptions;
  /** Told once of each object that makes no sense. */
  skipped(problem: string): void;
}

export interface KubernetesPodsParts {
  /** One per process: several pools share it. */
  readonly api: Api;
  readonly options?: Partial<ListWatchOptions>;
  /** An object was passed over since it makes no sense; told once of each. */
  onSkipped?(problem: string): void;
}

const MOST_REMEMBERED = 1_000;

export function watchParts({ api, options, onSkipped }: KubernetesPodsParts): WatchParts {
  const told = new Set<string>();
  return {
    api,
    options: { ...listWatchDefaults, ...options },
    skipped: (problem) => {
      if (told.has(problem)) return;
      if (told.size >= MOST_REMEMBERED) told.clear();
      told.add(problem);
      onSkipped?.(problem);
    },
  };
}
