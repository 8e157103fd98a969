/** TLS in front of a backend that speaks none: its clients check the certificate, and say which name they look for. */
import net, { type AddressInfo } from "node:net";
import tls from "node:tls";
import { selfSigned } from "../../src/ext-proc/self-signed.ts";

export interface TlsFront {
  readonly address: string;
  /** Of its authority, as PEM. */
  readonly certificate: Buffer;
  /** The names that clients asked for. */
  readonly askedFor: readonly string[];
  close(): void;
}

/** `name` stands in the certificate; a handshake begins that long after its connection is there. */
export async function startTlsFront(name: string, port: number, delayMs = 0): Promise<TlsFront> {
  const { key, certificate } = selfSigned(name, new Date());
  const askedFor: string[] = [];
  const sockets = new Set<net.Socket>();
  const server = tls.createServer({ key, cert: certificate }, (socket) => {
    askedFor.push(String(socket.servername));
    const behind = net.connect(port, "127.0.0.1");
    for (const [from, to] of [
      [socket, behind],
      [behind, socket],
    ] as const) {
      sockets.add(from);
      from.pipe(to);
      from.on("error", () => to.destroy());
      from.on("close", () => to.destroy());
    }
  });
  // A handshake that its client breaks off is what some tests are about.
  server.on("tlsClientError", () => undefined);
  const door = net.createServer({ pauseOnConnect: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    setTimeout(() => server.emit("connection", socket), delayMs);
  });
  await new Promise<void>((resolve) => door.listen(0, "127.0.0.1", resolve));
  const close = () => {
    door.close();
    for (const socket of sockets) socket.destroy();
  };
  return { address: `127.0.0.1:${(door.address() as AddressInfo).port}`, certificate, askedFor, close };
}
