/** Opens the client that asks one pod. */
import { Client, type Dispatcher } from "undici";
import type { Credentials } from "./credentials.ts";
import type { ScrapeOptions } from "./scrape-options.ts";

/**
 * Every request has one deadline for the whole, kept by its scrape; the client only has to let go of dead connects.
 * Throws where a file with authorities cannot be read.
 */
export function openPodClient(
  origin: string,
  options: ScrapeOptions,
  credentials: Credentials,
  nowMs: number,
): Dispatcher {
  const { timeoutMs, insecureSkipVerify, serverName } = options;
  const secure = origin.startsWith("https:") && {
    connect: {
      secureContext: credentials.secureContext(nowMs),
      rejectUnauthorized: !insecureSkipVerify,
      ...(serverName !== "" && { servername: serverName }),
      timeout: 2 * timeoutMs,
    },
  };
  return new Client(origin, {
    pipelining: 1,
    allowH2: false,
    connectTimeout: 2 * timeoutMs,
    headersTimeout: 0,
    bodyTimeout: 0,
    ...secure,
  });
}
