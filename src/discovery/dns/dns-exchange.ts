/** One question to one name server: over UDP, and over TCP where the answer does not fit. */
import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { connect, isIPv6 } from "node:net";
import { type Answer, decode, encode, RECURSION_DESIRED } from "dns-packet";
import type { DnsServer } from "./resolver-settings.ts";

export type AddressType = "A" | "AAAA";

export const addressTypes: readonly AddressType[] = ["A", "AAAA"];

export interface DnsQuestion {
  /** Without a dot at the end. */
  readonly name: string;
  readonly type: AddressType | "SRV";
}

export interface DnsReply {
  /** RFC 1035, 4.1.1: 0 is success, 3 says that there is no such name. */
  readonly rcode: number;
  readonly answers: readonly Answer[];
  readonly additionals: readonly Answer[];
}

interface Query extends DnsQuestion {
  readonly id: number;
  readonly bytes: Buffer;
}

type Read = DnsReply | "truncated" | "of another question";

/** What passes through every network in one piece (DNS flag day 2020). */
const UDP_PAYLOAD_BYTES = 1232;
const RESPONSE_BIT = 0x80;
const TRUNCATED_BIT = 0x02;
const HEADER_BYTES = 12;

/** Rejects when there is no answer until `limit` is aborted. `edns` announces that long answers are welcome. */
export async function exchange(
  question: DnsQuestion,
  server: DnsServer,
  limit: AbortSignal,
  edns = true,
): Promise<DnsReply> {
  const query = queryFor(question, edns);
  const reply = await overUdp(query, server, limit);
  return reply === "truncated" ? overTcp(query, server, limit) : reply;
}

function queryFor(question: DnsQuestion, edns: boolean): Query {
  const id = randomInt(0x1_0000);
  const opt = {
    type: "OPT",
    name: ".",
    udpPayloadSize: UDP_PAYLOAD_BYTES,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
    options: [],
  } as const;
  const additionals = edns ? [{ ...opt, options: [] }] : [];
  const bytes = encode({ type: "query", id, flags: RECURSION_DESIRED, questions: [{ ...question }], additionals });
  return { ...question, id, bytes };
}

/** A socket per question gives it a port of its own, which nobody can guess. */
function overUdp(query: Query, server: DnsServer, limit: AbortSignal): Promise<DnsReply | "truncated"> {
  const { promise, resolve, reject } = Promise.withResolvers<DnsReply | "truncated">();
  const socket = createSocket(isIPv6(server.address) ? "udp6" : "udp4");
  const giveUp = () => reject(new Error("no answer"));
  socket.on("error", reject);
  socket.on("message", (message) => {
    try {
      const reply = readReply(message, query);
      // Late answers to others and forged ones are passed over; the true one may still come.
      if (reply !== "of another question") resolve(reply);
    } catch (error) {
      reject(error);
    }
  });
  // Connected, so that a port where nobody listens is told at once.
  socket.on("connect", () => {
    if (!limit.aborted) socket.send(query.bytes);
  });
  socket.connect(server.port, server.address);
  limit.addEventListener("abort", giveUp, { once: true });
  if (limit.aborted) giveUp();
  return promise.finally(() => {
    limit.removeEventListener("abort", giveUp);
    socket.close();
  });
}

function overTcp(query: Query, server: DnsServer, limit: AbortSignal): Promise<DnsReply> {
  const { promise, resolve, reject } = Promise.withResolvers<DnsReply>();
  const socket = connect({ host: server.address, port: server.port });
  const giveUp = () => reject(new Error("no answer over TCP"));
  let received = Buffer.alloc(0);
  socket.on("error", reject);
  socket.on("close", giveUp);
  socket.on("data", (chunk) => {
    received = Buffer.concat([received, chunk]);
    // RFC 1035, 4.2.2: two bytes of length stand before a message.
    const end = received.length < 2 ? Number.POSITIVE_INFINITY : 2 + received.readUInt16BE(0);
    if (received.length < end) return;
    try {
      const reply = readReply(received.subarray(2, end), query);
      if (typeof reply === "string") reject(new Error(`an answer over TCP that is ${reply}`));
      else resolve(reply);
    } catch (error) {
      reject(error);
    }
  });
  const length = Buffer.alloc(2);
  length.writeUInt16BE(query.bytes.length);
  socket.write(Buffer.concat([length, query.bytes]));
  limit.addEventListener("abort", giveUp, { once: true });
  if (limit.aborted) giveUp();
  return promise.finally(() => {
    limit.removeEventListener("abort", giveUp);
    socket.destroy();
  });
}

/** Throws where the answer is to this question and cannot be read. */
function readReply(message: Buffer, { id, name, type }: Query): Read {
  if (message.length < HEADER_BYTES || message.readUInt16BE(0) !== id) return "of another question";
  const flags = message.readUInt16BE(2);
  if (((flags >> 8) & RESPONSE_BIT) === 0) return "of another question";
  // The rest of a truncated message may end within a record.
  if (((flags >> 8) & TRUNCATED_BIT) !== 0) return "truncated";
  const rcode = flags & 0xf;
  const { questions = [], answers = [], additionals = [] } = decode(message);
  // A record that ends beyond the message is read as if it had an end.
  if (decode.bytes > message.length) throw new Error("an answer that is cut off");
  const [asked] = questions;
  // Some servers repeat no question where they refuse it.
  if (asked === undefined && rcode !== 0) return { rcode, answers, additionals };
  const isOurs = asked?.type === type && sameName(asked.name, name);
  return isOurs ? { rcode, answers, additionals } : "of another question";
}

export function sameName(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
