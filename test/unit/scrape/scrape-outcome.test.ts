import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { selfSigned } from "../../../src/ext-proc/self-signed.ts";
import {
  outcomeMeanings,
  outcomeOfError,
  type ScrapeOutcome,
  scrapeOutcomes,
} from "../../../src/scrape/scrape-outcome.ts";
import type { GivenScrapeOptions } from "../../../src/scrape/scraper.ts";
import { PodPages } from "../../support/pod-pages.ts";

const recordedPage = readFileSync(join(import.meta.dirname, "../../fixtures/vllm/metrics-under-load.txt"));
const recorded = { waiting: 16, running: 8 };

const pages = new PodPages();
afterEach(() => pages.close());

/** The first outcome of asking one pod, and what the table holds then. */
async function outcomeOf(address: string, given: GivenScrapeOptions = {}) {
  const { table, outcomesOf } = pages.scrape([address], given);
  await expect.poll(() => outcomesOf("pod-0").length, { timeout: 8000, interval: 5 }).toBeGreaterThan(0);
  const [waiting, running] = [table.columns.waiting[0], table.columns.running[0]];
  return { outcome: outcomesOf("pod-0")[0], reachable: table.reachable[0], waiting, running };
}

const nothing = { waiting: Number.NaN, running: Number.NaN };
const head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n";
const packed =
  (coding: string, body: Buffer): RequestListener =>
  (_, response) =>
    response.writeHead(200, { "content-encoding": coding }).end(body);

/** 50 MB without the server holding them: the same comment over and over. */
const endless: RequestListener = (_, response) => {
  const chunk = Buffer.alloc(65_536, "# nothing to see here\n");
  let left = 800;
  const pour = (): void => {
    if (left-- === 0) response.end();
    else response.write(chunk, () => setImmediate(pour));
  };
  response.on("error", () => {});
  pour();
};

describe("a scrape is counted as", () => {
  test.each<[ScrapeOutcome, string, RequestListener]>([
    ["ok", "a recorded page", (_, response) => response.end(recordedPage)],
    ["ok", "gzip", packed("gzip", gzipSync(recordedPage))],
    ["ok", "gzip by its old name", packed("X-GZIP", gzipSync(recordedPage))],
    ["ok", "deflate", packed("deflate", deflateSync(recordedPage))],
    ["ok", "deflate without its wrapping", packed("deflate", deflateRawSync(recordedPage))],
    ["ok", "a coding that changes nothing", packed("identity", recordedPage)],
    ["ok", "carriage returns", (_, response) => response.end(recordedPage.toString().replaceAll("\n", "\r\n"))],
  ])("%s: %s", async (outcome, _, answer) => {
    const { address } = await pages.http(answer);
    expect(await outcomeOf(address)).toEqual({ outcome, reachable: 1, ...recorded });
  });

  test.each<[ScrapeOutcome, string, RequestListener]>([
    ["denied", "401", (_, response) => response.writeHead(401).end(recordedPage)],
    ["denied", "403", (_, response) => response.writeHead(403).end()],
    ["redirect", "302", (_, response) => response.writeHead(302, { location: "/elsewhere" }).end()],
    ["redirect", "308", (_, response) => response.writeHead(308, { location: "https://127.0.0.1/" }).end()],
    ["status", "404", (_, response) => response.writeHead(404).end(recordedPage)],
    ["status", "500", (_, response) => response.writeHead(500).end(recordedPage)],
    ["status", "503", (_, response) => response.writeHead(503).end()],
    ["status", "204", (_, response) => response.writeHead(204).end()],
    ["unreadable", "an HTML page", (_, response) => response.end("<!doctype html>\n<title>hello</title>\n")],
    ["unreadable", "JSON", (_, response) => response.end('[{"iter":1}]')],
    ["unreadable", "nothing", (_, response) => response.end()],
    ["unreadable", "a coding nobody asked for", packed("br", recordedPage)],
    ["unreadable", "gzip that is none", packed("gzip", recordedPage)],
    ["too_large", "50 MB", endless],
    [
      "too_large",
      "50 MB said beforehand",
      (_, response) => response.writeHead(200, { "content-length": 5e7 }).write("#"),
    ],
    ["too_large", "50 MB packed into 50 KB", packed("gzip", gzipSync(Buffer.alloc(5e7)))],
    ["truncated", "gzip cut short", packed("gzip", gzipSync(recordedPage).subarray(0, 5000))],
  ])("%s, and the pod stays: %s", async (outcome, _, answer) => {
    const { address } = await pages.http(answer);
    expect(await outcomeOf(address)).toEqual({ outcome, reachable: 1, ...nothing });
  });

  test.each<[ScrapeOutcome, string, string | Buffer]>([
    [
      "truncated",
      "a page shorter than its length",
      `${head}content-length: 99999\r\n\r\nvllm:num_requests_waiting 4\n`,
    ],
    [
      "truncated",
      "chunks without the last",
      `${head}transfer-encoding: chunked\r\n\r\n1c\r\nvllm:num_requests_waiting 4\n\r\n`,
    ],
    ["unreadable", "no HTTP", "SSH-2.0-OpenSSH_9.9\r\n"],
    ["unreadable", "a chunk of no size", `${head}transfer-encoding: chunked\r\n\r\nhello\r\n`],
  ])("%s, and the pod stays: %s", async (outcome, _, bytes) => {
    const { address } = await pages.raw(bytes);
    expect(await outcomeOf(address)).toEqual({ outcome, reachable: 1, ...nothing });
  });

  test("partial: a page without a length that ends within a line", async () => {
    const { address } = await pages.raw(`${head}\r\nvllm:num_requests_waiting 4\nvllm:num_requests_running 1`);
    expect(await outcomeOf(address)).toEqual({ outcome: "partial", reachable: 1, waiting: 4, running: Number.NaN });
  });

  test("partial: a page with an impossible number", async () => {
    const text = "vllm:num_requests_waiting NaN\nvllm:num_requests_running 3\nvllm:kv_cache_usage_perc 0.5\n";
    const { address } = await pages.http((_, response) => response.end(text));
    expect(await outcomeOf(address)).toEqual({ outcome: "partial", reachable: 1, waiting: Number.NaN, running: 3 });
  });

  test("timeout: a pod that never answers, or stops in the middle", async () => {
    const silent = await pages.http(() => undefined);
    expect(await outcomeOf(silent.address, { timeoutMs: 300 })).toEqual({
      outcome: "timeout",
      reachable: 1,
      ...nothing,
    });
    const stuck = await pages.raw(`${head}content-length: 999\r\n\r\nvllm:num_requests_waiting 4\n`, () => {});
    expect(await outcomeOf(stuck.address, { timeoutMs: 300 })).toEqual({
      outcome: "timeout",
      reachable: 1,
      ...nothing,
    });
  });

  test("refused: a pod that closes without an answer", async () => {
    const { address } = await pages.http((request) => request.socket.destroy());
    expect(await outcomeOf(address)).toEqual({ outcome: "refused", reachable: 0, ...nothing });
  });

  test("fault: a CA file or a token that cannot be read or sent", async () => {
    const { address } = await pages.http((_, response) => response.end(recordedPage));
    const faulty = { outcome: "fault", reachable: 1, ...nothing };
    expect(await outcomeOf(address, { scheme: "https", caFile: "/nonexistent/ca.pem" })).toEqual(faulty);
    expect(await outcomeOf(address, { bearerToken: "two\nlines" })).toEqual(faulty);
  });
});

describe("a scrape over TLS is counted as", () => {
  const { key, certificate } = selfSigned("pods.test", new Date());
  const stranger = selfSigned("pods.test", new Date()).certificate;
  const folder = mkdtempSync(join(tmpdir(), "pointsman-ca-"));
  const [caFile, otherFile] = [join(folder, "ca.pem"), join(folder, "other.pem")];
  writeFileSync(caFile, certificate);
  writeFileSync(otherFile, stranger);
  afterAll(() => rmSync(folder, { recursive: true }));

  test.each<[ScrapeOutcome, string, GivenScrapeOptions]>([
    ["tls", "a certificate nobody vouches for", {}],
    ["tls", "a certificate that somebody else vouches for", { caFile: otherFile, serverName: "pods.test" }],
    ["tls", "a certificate for another name than the address", { caFile }],
    ["tls", "a certificate for another name than wanted", { caFile, serverName: "other.test" }],
    ["ok", "the right authority and name", { caFile, serverName: "pods.test" }],
    ["ok", "any certificate when that does not matter", { insecureSkipVerify: true }],
  ])("%s: %s", async (outcome, _, given) => {
    const { address } = await pages.https({ key, cert: certificate }, (_request, response) =>
      response.end(recordedPage),
    );
    expect(await outcomeOf(address, { scheme: "https", ...given })).toMatchObject({ outcome, reachable: 1 });
  });

  test("tls: a pod that speaks none", async () => {
    const { address } = await pages.http((_, response) => response.end(recordedPage));
    expect(await outcomeOf(address, { scheme: "https", insecureSkipVerify: true })).toMatchObject({
      outcome: "tls",
      reachable: 1,
    });
  });
});

describe("outcomeOfError", () => {
  test.each(["ECONNREFUSED", "ECONNRESET", "EHOSTUNREACH", "ENETUNREACH", "ETIMEDOUT", "UND_ERR_CONNECT_TIMEOUT"])(
    "takes %s for a refusal before the answer, and for a cut page in it",
    (code) => {
      expect([outcomeOfError({ code }, false), outcomeOfError({ code }, true)]).toEqual(["refused", "truncated"]);
    },
  );

  test.each([
    "CERT_HAS_EXPIRED",
    "DEPTH_ZERO_SELF_SIGNED_CERT",
    "ERR_TLS_CERT_ALTNAME_INVALID",
    "EPROTO",
    "ERR_SSL_WRONG_VERSION_NUMBER",
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  ])("takes %s for insecure", (code) => {
    expect(outcomeOfError({ code }, false)).toBe("tls");
  });

  test.each([["EMFILE"], [undefined], ["UND_ERR_INVALID_ARG"]])("blames %s on ourselves", (code) => {
    expect(outcomeOfError({ code }, false)).toBe("fault");
  });

  test("knows a meaning for every outcome", () => {
    expect(scrapeOutcomes).toHaveLength(12);
    expect(Object.values(outcomeMeanings).every((meaning) => meaning.length > 10)).toBe(true);
  });
});
