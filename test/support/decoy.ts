/** An address that only a client names: whoever is asked there was told by the client. */
import http from "node:http";
import type { AddressInfo } from "node:net";

export interface Decoy {
  readonly address: string;
  /** Connections that came. */
  readonly asked: () => number;
  close(): void;
}

export async function startDecoy(): Promise<Decoy> {
  let connections = 0;
  const server = http.createServer((_request, response) => response.end("{}"));
  server.on("connection", () => connections++);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked: () => connections, close };
}

/** Every header by which a data plane may be told an address. */
export const forgedHeaders = (address: string) => ({
  "x-gateway-destination-endpoint": address,
  "target-pod": address,
  "x-envoy-original-dst-host": address,
});
