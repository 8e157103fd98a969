/** An undici client without a network: keeps what is dispatched, so that a test plays the server step by step. */
import { EventEmitter } from "node:events";
import type { Dispatcher } from "undici";

export class ScriptedExchange {
  readonly options: Dispatcher.DispatchOptions;
  readonly #handler: Dispatcher.DispatchHandler;
  aborted = false;
  /** The reader has asked to be given no more for now. */
  paused = false;
  readonly #controller: Dispatcher.DispatchController;

  constructor(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler) {
    this.options = options;
    this.#handler = handler;
    const abort = () => {
      this.aborted = true;
    };
    const pause = () => {
      this.paused = true;
    };
    const resume = () => {
      this.paused = false;
    };
    this.#controller = { aborted: false, paused: false, reason: null, abort, pause, resume };
  }

  connect(): void {
    this.#handler.onRequestStart?.(this.#controller, {});
  }

  head(status: number, headers: Record<string, string> = {}): void {
    this.#handler.onResponseStart?.(this.#controller, status, headers);
  }

  data(text: string | Buffer): void {
    this.#handler.onResponseData?.(this.#controller, Buffer.from(text));
  }

  end(): void {
    this.#handler.onResponseEnd?.(this.#controller, {});
  }

  answer(status: number, text: string): void {
    this.connect();
    this.head(status);
    this.data(text);
    this.end();
  }

  fail(code: string): void {
    this.#handler.onResponseError?.(this.#controller, Object.assign(new Error(code), { code }));
  }
}

export class ScriptedClient extends EventEmitter {
  readonly origin: string;
  readonly exchanges: ScriptedExchange[] = [];
  destroyed = false;

  constructor(origin: string) {
    super();
    this.origin = origin;
  }

  /** The part of a dispatcher that the scraper uses. */
  asDispatcher(): Dispatcher {
    return this as unknown as Dispatcher;
  }

  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    this.exchanges.push(new ScriptedExchange(options, handler));
    return true;
  }

  async destroy(): Promise<void> {
    this.destroyed = true;
  }
}
