/** What the filter in Envoy keeps from the picker, by its settings: counted always, said once. */
import type { BodyMode } from "../ext-proc/body-mode.ts";
import { type BodyUnread, bodyUnread } from "../request/body-form.ts";
import { type Logger, Once } from "./log.ts";
import type { Instruments } from "./metrics.ts";

export class FilterReport {
  readonly #log: Logger;
  readonly #instruments: Instruments;
  readonly #once = new Once();

  constructor(log: Logger, instruments: Instruments) {
    this.#log = log;
    this.#instruments = instruments;
  }

  bodyUnseen(mode: BodyMode): void {
    this.#instruments.bodyUnseen.add({ mode });
    this.#once.do(`body ${mode}`, () =>
      this.#log.warn(
        { mode },
        "the filter's request_body_mode needs the answer before the body: picks go by load, not by prompt; use BUFFERED or FULL_DUPLEX_STREAMED",
      ),
    );
  }

  bodyUnread(why: BodyUnread): void {
    this.#instruments.bodyUnread.add({ why });
    this.#once.do(`unread ${why}`, () =>
      this.#log.warn({ why }, `the body of a request was not read: ${bodyUnread[why]}; such picks go by load`),
    );
  }

  modeUnstated(peer: string): void {
    this.#instruments.modeUnstated.add({});
    this.#once.do("mode unstated", () =>
      this.#log.warn(
        { peer },
        "the stream states no body mode (protocol_config missing): it is found out by watching; --assume-body-mode fixes it",
      ),
    );
  }

  askedAfterChoice(peer: string): void {
    this.#instruments.streamsAfterChoice.add({});
    this.#once.do("after choice", () =>
      this.#log.warn(
        { peer },
        "an ext_proc filter of a cluster asks here, when the pod is chosen: such streams are answered without a change; the filter belongs to the gateway's own server",
      ),
    );
  }

  headersUnseen(): void {
    this.#once.do("headers unseen", () =>
      this.#log.warn(
        "a request's body came without its headers: the filter's request_header_mode must be SEND, or nothing is known of the path",
      ),
    );
  }

  answersUnseen(mode: BodyMode): void {
    this.#once.do(`answers ${mode}`, () =>
      this.#log.warn(
        { mode },
        "a scorer reads how fast pods answer, and the filter's response_body_mode hides it: the pods' times stay unknown; use STREAMED or FULL_DUPLEX_STREAMED",
      ),
    );
  }
}
