/** What becomes of attempts and routes -> counts, and a line for each kind of trouble. Called on the hot path. */
import { type ErrorCode, type ErrorCodeSpec, errorCodes } from "../errors.ts";
import { type AttemptFlaw, attemptFlaws } from "../ext-proc/attempt-flaws.ts";
import type { BackendAnswer, routedBy } from "../ext-proc/stream-host.ts";
import type { Usage } from "../response/usage.ts";
import { type Logger, Once } from "./log.ts";
import type { Instruments } from "./metrics.ts";
import type { answerStatuses, attemptPlaces, backendTokenKinds } from "./own-backend-metrics.ts";

export class BackendReport {
  readonly #log: Logger;
  readonly #instruments: Instruments;
  readonly #once = new Once();

  constructor(log: Logger, instruments: Instruments) {
    this.#log = log;
    this.#instruments = instruments;
  }

  attemptMade(backend: string, attempt: number): void {
    this.#instruments.attempts.add({ backend, attempt: placeOf(attempt) });
  }

  attemptRefused(code: ErrorCode, backend: string): void {
    this.#instruments.attemptRefusals.add({ backend, code });
    const spec: ErrorCodeSpec = errorCodes[code];
    if (spec.status < 500) return;
    this.#once.do(`refused ${code} ${backend}`, () =>
      this.#log.warn({ code, backend }, "an attempt was answered here, not by its backend; said once, counted always"),
    );
  }

  attemptUnfit(flaw: AttemptFlaw, backend: string, peer: string): void {
    this.#instruments.attemptsUnfit.add({ flaw });
    this.#once.do(`unfit ${flaw} ${backend}`, () =>
      this.#log.warn(
        { flaw, backend, peer },
        `an attempt cannot be made as it should: ${attemptFlaws[flaw]}; said once, counted always`,
      ),
    );
  }

  backendAnswered({ backend, status, usage }: BackendAnswer): void {
    this.#instruments.backendAnswers.add({ backend, status: statusOf(status) });
    for (const [kind, tokens] of countsOf(usage)) {
      if (tokens > 0) this.#instruments.backendTokens.add({ backend, kind }, tokens);
    }
  }

  routed(by: keyof typeof routedBy): void {
    this.#instruments.routed.add({ by });
  }

  routeRefused(code: ErrorCode): void {
    this.#instruments.refusals.add({ code });
  }
}

function placeOf(attempt: number): keyof typeof attemptPlaces {
  if (attempt === 0) return "unknown";
  return attempt === 1 ? "first" : "further";
}

function statusOf(status: number): (typeof answerStatuses)[number] {
  if (status === 429) return "429";
  if (status >= 500) return "5xx";
  if (status >= 400) return "4xx";
  if (status >= 300) return "3xx";
  return status >= 200 ? "2xx" : "unseen";
}

function countsOf(usage: Usage): readonly (readonly [kind: (typeof backendTokenKinds)[number], tokens: number])[] {
  return [
    ["prompt", usage.promptTokens],
    ["cached", usage.cachedTokens],
    ["cache-written", usage.cacheWrittenTokens],
    ["completion", usage.completionTokens],
    ["reasoning", usage.reasoningTokens],
  ];
}
