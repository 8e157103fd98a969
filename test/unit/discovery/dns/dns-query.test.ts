import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { askServers, DnsFailure } from "../../../../src/discovery/dns/dns-query.ts";
import type { DnsServer } from "../../../../src/discovery/dns/resolver-settings.ts";
import { addressRecord, DnsServerDouble } from "../../../support/dns-server.ts";

const servers: DnsServerDouble[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});

async function serverWith(...ips: string[]) {
  const server = await DnsServerDouble.start();
  servers.push(server);
  server.records = ips.map((ip) => addressRecord("pods.test", ip));
  return server;
}

const question = { name: "pods.test", type: "A" } as const;
const patient = [8_000];
/** Given up soon, where the outcome does not depend on how soon. */
const impatient = [500, 500];
const going = new AbortController().signal;
const ask = (places: readonly DnsServer[], patienceMs = patient, signal = going) =>
  askServers(question, places, signal, patienceMs);
const dataOf = async (reply: ReturnType<typeof ask>) =>
  (await reply).answers.map((answer) => "data" in answer && answer.data);

/** A port where nobody listens. */
async function closedPlace(): Promise<DnsServer> {
  const server = await DnsServerDouble.start();
  const { place } = server;
  await server.stop();
  return place;
}

describe("askServers", () => {
  test("asks over UDP with EDNS, and gives what the server answers", async () => {
    const server = await serverWith("10.0.0.1", "10.0.0.2");
    expect(await dataOf(ask([server.place]))).toEqual(["10.0.0.1", "10.0.0.2"]);
    expect(server.asked).toEqual([{ name: "pods.test", type: "A", over: "udp", edns: true }]);
  });

  test("asks over TCP where the answer is cut off", async () => {
    const server = await serverWith(...Array.from({ length: 200 }, (_, i) => `10.0.1.${i}`));
    server.truncates = true;
    expect(await dataOf(ask([server.place]))).toHaveLength(200);
    expect(server.asked.map(({ over }) => over)).toEqual(["udp", "tcp"]);
  });

  test("tells that a name does not exist as an answer", async () => {
    const server = await serverWith();
    expect(await ask([server.place])).toMatchObject({ rcode: 3, answers: [] });
  });

  test.each(["SERVFAIL", "REFUSED"] as const)("asks the next server after %s", async (fault) => {
    const [broken, good] = [await serverWith(), await serverWith("10.0.0.1")];
    broken.faults.set("*", fault);
    expect(await dataOf(ask([broken.place, good.place]))).toEqual(["10.0.0.1"]);
    expect(broken.asked).toHaveLength(1);
  });

  test("asks the next server where nobody listens, and where nobody answers", async () => {
    const [silent, good] = [await serverWith(), await serverWith("10.0.0.1")];
    silent.faults.set("*", "silence");
    expect(await dataOf(ask([await closedPlace(), silent.place, good.place], [1_000]))).toEqual(["10.0.0.1"]);
  });

  test("asks a server that knows no EDNS without it", async () => {
    const server = await serverWith("10.0.0.1");
    server.faults.set("*", (answer) => {
      const isOld = server.asked.at(-1)?.edns === true;
      return [isOld ? Buffer.concat([answer.subarray(0, 3), Buffer.from([1]), answer.subarray(4)]) : answer];
    });
    expect(await dataOf(ask([server.place]))).toEqual(["10.0.0.1"]);
    expect(server.asked.map(({ edns }) => edns)).toEqual([true, false]);
  });

  test("passes over answers that are not to its question, and waits for the one that is", async () => {
    const server = await serverWith("10.0.0.1");
    server.faults.set("*", (answer) => {
      const forged = (at: number, change: (byte: number) => number) => {
        const bytes = Buffer.from(answer);
        bytes[at] = change(bytes[at]!);
        // With it would come another address.
        bytes[bytes.length - 1] = 66;
        return bytes;
      };
      const otherId = forged(0, (byte) => byte ^ 0xff);
      const isQuery = forged(2, (byte) => byte & 0x7f);
      const otherName = forged(13, () => "q".charCodeAt(0));
      return [Buffer.from("rubbish"), otherId, isQuery, otherName, answer];
    });
    expect(await dataOf(ask([server.place]))).toEqual(["10.0.0.1"]);
  });

  test("takes a name in any case of letters for its own", async () => {
    const server = await serverWith("10.0.0.1");
    server.faults.set("*", (answer) => {
      answer[13] = "P".charCodeAt(0);
      return [answer];
    });
    expect(await dataOf(ask([server.place]))).toEqual(["10.0.0.1"]);
  });

  test("fails on an answer that cannot be read, without waiting for another", async () => {
    const server = await serverWith("10.0.0.1");
    server.faults.set("*", (answer) => [answer.subarray(0, -3)]);
    await expect(ask([server.place])).rejects.toThrow(
      /^an answer that is cut off for A pods\.test from 127\.0\.0\.1:\d+$/,
    );
  });

  test("fails after two rounds with what the last server said, and whether it said anything", async () => {
    const [silent, broken] = [await serverWith(), await serverWith()];
    silent.faults.set("*", "silence");
    broken.faults.set("*", "SERVFAIL");
    const failure: unknown = await ask([silent.place, broken.place], impatient).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(DnsFailure);
    expect(failure).toMatchObject({ refused: true, message: expect.stringMatching(/^SERVFAIL for A pods\.test from/) });
    expect([silent.asked.length, broken.asked.length]).toEqual([2, 2]);
    await expect(ask([silent.place], [50])).rejects.toMatchObject({ refused: false, message: /^no answer for/ });
    await expect(ask([])).rejects.toThrow("there is no name server to ask");
  });

  test("fails where TCP is closed or ends early", async () => {
    const udp = createSocket("udp4");
    const tcp = createServer((socket) => socket.resume().end(Buffer.from([0])));
    await new Promise<void>((resolve) => tcp.listen(0, "127.0.0.1", resolve));
    const { port } = tcp.address() as { port: number };
    udp.on("message", (message, from) => {
      const truncated = Buffer.from(message);
      truncated[2] = 0x82;
      udp.send(truncated, from.port, from.address);
    });
    await new Promise<void>((resolve) => udp.bind(port, "127.0.0.1", resolve));
    const places = [{ address: "127.0.0.1", port }];
    await expect(ask(places)).rejects.toThrow(/^no answer over TCP for/);
    await new Promise<void>((resolve) => tcp.close(() => resolve()));
    await expect(ask(places)).rejects.toThrow(/^connect ECONNREFUSED .* for/);
    udp.close();
  });

  test("gives up at once when nobody waits any more", async () => {
    const server = await serverWith();
    server.faults.set("*", "silence");
    const stop = new AbortController();
    const asked = ask([server.place, server.place], [3_600_000], stop.signal);
    stop.abort();
    await expect(asked).rejects.toThrow(/^no answer/);
    expect(server.asked.length).toBeLessThan(2);
    await expect(ask([server.place], [3_600_000], stop.signal)).rejects.toThrow(/^no answer/);
  });
});
