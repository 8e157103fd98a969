/** Stands between a client and the API server without opening its TLS, and fails as networks do: it cuts, or goes silent. */
import net, { type AddressInfo, type Socket } from "node:net";

interface Link {
  readonly client: Socket;
  readonly server: Socket;
}

export class KubeRelay {
  /** For a kubeconfig; the server's certificate is good for it. */
  readonly url: string;
  readonly #listener: net.Server;
  readonly #serverPort: number;
  readonly #links = new Set<Link>();
  #isHung = false;

  private constructor(listener: net.Server, serverPort: number) {
    this.#listener = listener;
    this.#serverPort = serverPort;
    this.url = `https://127.0.0.1:${(listener.address() as AddressInfo).port}`;
    listener.on("connection", (client) => this.#join(client));
  }

  static async start(server: { readonly port: number }): Promise<KubeRelay> {
    const listener = net.createServer({ allowHalfOpen: true });
    await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
    return new KubeRelay(listener, server.port);
  }

  get connections(): number {
    return this.#links.size;
  }

  /** Resets every connection there is; new ones are welcome. */
  cut(): void {
    for (const { client, server } of this.#links) {
      client.resetAndDestroy();
      server.destroy();
    }
  }

  /** From now on the client hears nothing, on old connections and on new ones, while the server hears all it says. */
  hang(): void {
    this.#isHung = true;
    for (const { client, server } of this.#links) server.unpipe(client);
  }

  /** What was held back arrives now. */
  resume(): void {
    this.#isHung = false;
    for (const { client, server } of this.#links) {
      if (server.destroyed) client.destroy();
      else server.pipe(client);
    }
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#listener.close(resolve));
    for (const { client, server } of this.#links) {
      client.destroy();
      server.destroy();
    }
    await closed;
  }

  #join(client: Socket): void {
    const server = net.connect({ port: this.#serverPort, host: "127.0.0.1", allowHalfOpen: true });
    const link = { client, server };
    this.#links.add(link);
    // Each end closes for itself; an error is followed by a close.
    client.on("error", () => undefined);
    server.on("error", () => undefined);
    client.on("close", () => {
      this.#links.delete(link);
      server.destroy();
    });
    server.on("close", () => {
      if (!this.#isHung) client.destroy();
    });
    client.pipe(server);
    if (!this.#isHung) server.pipe(client);
  }
}
