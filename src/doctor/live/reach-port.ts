/** Why a port that did not greet did not: nobody is there, nothing comes back, or somebody else answers. */
import { connect } from "node:net";

/** What the system says: ECONNREFUSED, ENOTFOUND, ...; ETIMEDOUT for silence; OPEN where a connection stands. */
export async function reachPort(address: string, timeoutMs: number): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const path = /^unix:(?:\/\/)?(\/.*)$/.exec(address)?.[1];
  const [, host = "", port = ""] = /^\[?(.*?)\]?:(\d+)$/.exec(address) ?? [];
  const socket = path === undefined ? connect({ host, port: Number(port) }) : connect({ path });
  socket.once("connect", () => resolve("OPEN"));
  socket.once("error", (error: NodeJS.ErrnoException) => resolve(causeOf(error)));
  socket.setTimeout(timeoutMs, () => resolve("ETIMEDOUT"));
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}

/** A name with several addresses fails of each. */
function causeOf(error: NodeJS.ErrnoException): string {
  const [first] = error instanceof AggregateError ? error.errors : [];
  return (first as NodeJS.ErrnoException | undefined)?.code ?? error.code ?? error.message;
}
