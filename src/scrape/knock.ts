/** Sees whether a port takes connections, and asks nothing: to its caller a client whose every answer is empty. */
import { connect, type Socket } from "node:net";
import { Dispatcher } from "undici";

export class Knock extends Dispatcher {
  readonly #host: string;
  readonly #port: number;
  #socket: Socket | undefined;

  constructor(origin: string) {
    super();
    const { hostname, port, protocol } = new URL(origin);
    this.#host = hostname.replace(/^\[(.*)\]$/, "$1");
    this.#port = port === "" ? defaultPort(protocol) : Number(port);
  }

  override dispatch(_options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const socket = connect(this.#port, this.#host);
    const nothing = () => undefined;
    const abort = () => socket.destroy();
    const controller = { aborted: false, paused: false, reason: null, rawHeaders: null, rawTrailers: null };
    const whole = { ...controller, abort, pause: nothing, resume: nothing };
    this.#socket = socket;
    socket.once("connect", () => {
      handler.onRequestStart?.(whole, {});
      handler.onResponseStart?.(whole, 200, {});
      handler.onResponseEnd?.(whole, {});
      socket.destroy();
    });
    socket.on("error", (error) => handler.onResponseError?.(whole, error));
    return true;
  }

  /** Nothing is told of a connect that is under way. */
  override async destroy(): Promise<void> {
    this.#socket?.destroy();
  }
}

function defaultPort(protocol: string): number {
  return protocol === "https:" ? 443 : 80;
}
