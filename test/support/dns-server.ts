/** A small real DNS server on 127.0.0.1, UDP and TCP on one port, whose zone and whose faults the tests decide. */
import { createSocket, type Socket } from "node:dgram";
import { type AddressInfo, createServer, type Server, type Socket as TcpSocket } from "node:net";
import { type Answer, decode, encode, type Packet, TRUNCATED_RESPONSE } from "dns-packet";

/** Response codes of RFC 1035. */
const rcodes = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const;

interface Asked {
  readonly name: string;
  readonly type: string;
  readonly over: "udp" | "tcp";
  readonly edns: boolean;
}

/** What becomes of a question: a response code, silence, or bytes made from the answer there would have been. */
type Fault = keyof typeof rcodes | "silence" | ((answer: Buffer) => readonly Buffer[]);

export class DnsServerDouble {
  /** All records there are; the answer to a question is those of its name and type, and the aliases on the way. */
  records: Answer[] = [];
  /** Given beside every answer. */
  additionals: Answer[] = [];
  /** Over UDP every answer is cut off and sent as truncated. */
  truncates = false;
  readonly asked: Asked[] = [];
  /** By "name type", by name, or "*". */
  readonly faults = new Map<string, Fault>();
  readonly #udp: Socket;
  readonly #tcp: Server;
  readonly #open = new Set<TcpSocket>();

  private constructor(udp: Socket, tcp: Server) {
    this.#udp = udp;
    this.#tcp = tcp;
    udp.on("message", (message, { port, address }) => {
      for (const bytes of this.#answer(message, "udp")) udp.send(bytes, port, address);
    });
    tcp.on("connection", (socket) => this.#serve(socket));
  }

  static async start(): Promise<DnsServerDouble> {
    for (let tries = 0; ; tries++) {
      const tcp = createServer();
      await new Promise<void>((resolve) => tcp.listen(0, "127.0.0.1", resolve));
      const { port } = tcp.address() as AddressInfo;
      const udp = createSocket("udp4");
      try {
        await new Promise<void>((resolve, reject) => udp.on("error", reject).bind(port, "127.0.0.1", resolve));
        return new DnsServerDouble(udp, tcp);
      } catch (error) {
        // Somebody else has the port for UDP.
        tcp.close();
        if (tries === 20) throw error;
      }
    }
  }

  get place(): { address: string; port: number } {
    return { address: "127.0.0.1", port: this.#udp.address().port };
  }

  /** How often a name was asked for, in any type. */
  times(name: string): number {
    return this.asked.filter((asked) => asked.name === name).length;
  }

  async stop(): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    await Promise.all([
      new Promise<void>((resolve) => this.#udp.close(() => resolve())),
      new Promise<void>((resolve) => this.#tcp.close(() => resolve())),
    ]);
  }

  #serve(socket: TcpSocket): void {
    this.#open.add(socket);
    socket.on("close", () => this.#open.delete(socket)).on("error", () => undefined);
    let received = Buffer.alloc(0);
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      for (const bytes of this.#answer(received.subarray(2), "tcp")) {
        const length = Buffer.alloc(2);
        length.writeUInt16BE(bytes.length);
        // In two pieces, as a network may hand it over.
        socket.write(Buffer.concat([length, bytes.subarray(0, 5)]));
        setImmediate(() => socket.write(bytes.subarray(5)));
      }
    });
  }

  #answer(message: Buffer, over: Asked["over"]): readonly Buffer[] {
    const query = decode(message);
    const { name, type } = query.questions![0]!;
    this.asked.push({ name, type, over, edns: query.additionals?.[0]?.type === "OPT" });
    const fault = this.faults.get(`${name} ${type}`) ?? this.faults.get(name) ?? this.faults.get("*");
    if (fault === "silence") return [];
    const truncated = this.truncates && over === "udp";
    const answers = this.#chain(name, type);
    const exists = answers.length > 0 || this.records.some((record) => record.name === name);
    const rcode = typeof fault === "string" ? rcodes[fault] : exists ? rcodes.NOERROR : rcodes.NXDOMAIN;
    const packet: Packet = {
      type: "response",
      id: query.id!,
      flags: rcode | (truncated ? TRUNCATED_RESPONSE : 0),
      questions: query.questions!,
      answers: rcode === rcodes.NOERROR && !truncated ? answers : [],
      additionals: truncated ? [] : this.additionals,
    };
    const bytes = encode(packet);
    return typeof fault === "function" ? fault(bytes) : [bytes];
  }

  /** A chain of aliases that bites its own tail is told once. */
  #chain(name: string, type: string, passed: readonly string[] = []): Answer[] {
    const found = this.records.filter((record) => record.name === name && record.type === type);
    const alias = this.records.find((record) => record.name === name && record.type === "CNAME");
    if (found.length > 0 || alias?.type !== "CNAME" || passed.includes(name)) return found;
    return [alias, ...this.#chain(alias.data, type, [...passed, name])];
  }
}

export function addressRecord(name: string, ip: string, ttl = 30): Answer {
  return { name, type: ip.includes(":") ? "AAAA" : "A", ttl, data: ip };
}

export function aliasRecord(name: string, data: string, ttl = 30): Answer {
  return { name, type: "CNAME", ttl, data };
}

export function serviceRecord(name: string, target: string, port: number, ttl = 30, priority = 0): Answer {
  return { name, type: "SRV", ttl, data: { target, port, priority, weight: 1 } };
}
