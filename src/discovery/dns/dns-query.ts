/** One question to all name servers, one after the other and twice over, until one of them answers it. */
import { type DnsQuestion, type DnsReply, exchange } from "./dns-exchange.ts";
import type { DnsServer } from "./resolver-settings.ts";

/** RFC 1035, 4.1.1. */
const NO_ERROR = 0;
export const NO_SUCH_NAME = 3;
const FORMAT_ERROR = 1;
const NOT_IMPLEMENTED = 4;
const rcodeNames = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];

/** For each round through the servers: lost packets are noticed soon, slow servers are waited for once. */
const PATIENCE_MS: readonly number[] = [1_000, 2_000];

/** No server could tell; that a name does not exist is an answer, and no failure. */
export class DnsFailure extends Error {
  /** Did a server answer that it cannot or will not tell? */
  readonly refused: boolean;

  constructor(problem: string, refused: boolean) {
    super(problem);
    this.name = "DnsFailure";
    this.refused = refused;
  }
}

/** Rejects with a DnsFailure. */
export async function askServers(
  question: DnsQuestion,
  servers: readonly DnsServer[],
  signal: AbortSignal,
  patienceMs = PATIENCE_MS,
): Promise<DnsReply> {
  let failure = new DnsFailure("there is no name server to ask", false);
  for (const timeoutMs of patienceMs) {
    for (const server of servers) {
      const outcome = await askServer(question, server, signal, timeoutMs);
      if (!(outcome instanceof DnsFailure)) return outcome;
      failure = outcome;
      if (signal.aborted) throw failure;
    }
  }
  throw failure;
}

async function askServer(
  question: DnsQuestion,
  server: DnsServer,
  signal: AbortSignal,
  timeoutMs: number,
): Promise<DnsReply | DnsFailure> {
  const from = `${question.type} ${question.name} from ${server.address}:${server.port}`;
  const limit = new AbortController();
  const giveUp = () => limit.abort();
  const timer = setTimeout(giveUp, timeoutMs).unref();
  signal.addEventListener("abort", giveUp, { once: true });
  if (signal.aborted) giveUp();
  try {
    let reply = await exchange(question, server, limit.signal);
    const isOldServer = reply.rcode === FORMAT_ERROR || reply.rcode === NOT_IMPLEMENTED;
    if (isOldServer) reply = await exchange(question, server, limit.signal, false);
    if (reply.rcode === NO_ERROR || reply.rcode === NO_SUCH_NAME) return reply;
    return new DnsFailure(`${rcodeNames[reply.rcode] ?? `error ${reply.rcode}`} for ${from}`, true);
  } catch (error) {
    return new DnsFailure(`${error instanceof Error ? error.message : String(error)} for ${from}`, false);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", giveUp);
  }
}
