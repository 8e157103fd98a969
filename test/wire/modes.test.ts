/** Every body mode's sequence of messages, over real sockets, on both transports. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { connectExtProc, type ExtProcClient, type ProcessStream } from "../../src/ext-proc/client.ts";
import { mutatedHeaders, type ProcessingResponse } from "../../src/ext-proc/messages.ts";
import * as envoy from "../support/envoy-messages.ts";
import { type FakePod, type PickerProcess, startFakePods, startPicker } from "../support/picker-process.ts";
import { Random } from "../support/random.ts";

const DESTINATION = "x-gateway-destination-endpoint";
const BODY_LIMIT = 1024 * 1024;

describe.each(["direct", "plain"])("over the %s transport", (transport) => {
  let pods: FakePod[];
  let addresses: string[];
  let picker: PickerProcess;
  let client: ExtProcClient;
  let stream: ProcessStream;

  beforeAll(async () => {
    pods = await startFakePods(2);
    addresses = pods.map((pod) => pod.address);
    const flags = [`--transport=${transport}`, `--body-limit=${BODY_LIMIT}`, "--refresh-metrics-interval=50ms"];
    picker = await startPicker([`--pods=${addresses.join(",")}`, "--answer-deadline=1s", ...flags]);
    client = connectExtProc({ address: picker.address });
    await client.ready(20_000);
  });
  afterAll(async () => {
    client?.close();
    await picker?.kill();
    for (const pod of pods ?? []) pod.close();
  });
  beforeEach(() => {
    stream = client.process();
  });
  /** Whatever a test did, nothing of it stays behind, and nothing went wrong inside. */
  afterEach(async () => {
    stream.cancel();
    await stream.ended;
    await picker.metricBecomes("pointsman_streams_open", 0);
    await picker.metricBecomes("pointsman_in_flight", 0);
    await picker.metricBecomes("pointsman_pod_in_flight", 0);
    await picker.metricBecomes("pointsman_buffered_bytes", 0);
    expect(await picker.metric("pointsman_faults_total")).toBe(0);
  });

  async function reply(): Promise<ProcessingResponse> {
    const next = await stream.reply();
    if (next === undefined) throw new Error(`the stream ended: ${JSON.stringify(await stream.ended)}`);
    return next;
  }

  /** The pod named in a reply of this kind, checked to be the same in header and metadata. */
  function picked(answer: ProcessingResponse, kind: "request_headers" | "request_body"): string | undefined {
    expect(answer.response).toBe(kind);
    const destination = mutatedHeaders(answer).get(DESTINATION);
    expect(addresses).toContain(destination);
    const metadata = answer.dynamic_metadata?.fields?.["envoy.lb"]?.structValue?.fields?.[DESTINATION];
    expect(metadata?.stringValue).toBe(destination);
    return destination;
  }

  const bare = (kind: string) => ({ response: kind, [kind]: {} });

  async function endsWell(): Promise<void> {
    stream.halfClose();
    expect(await stream.reply()).toBeUndefined();
    expect(await stream.ended).toMatchObject({ code: 0 });
  }

  /** Body bytes of the streamed replies up to the one that ends them, or up to `bytes` bytes. */
  async function echoed(kind: "request_body" | "response_body", bytes = Number.POSITIVE_INFINITY) {
    const chunks: Buffer[] = [];
    const ends: boolean[] = [];
    for (let total = 0; total < bytes; ) {
      const answer = await reply();
      expect(answer.response).toBe(kind);
      const streamed = answer[kind]?.response?.body_mutation?.streamed_response;
      expect(streamed).toBeDefined();
      const chunk = streamed?.body ?? Buffer.alloc(0);
      chunks.push(chunk);
      ends.push(streamed?.end_of_stream ?? false);
      total += chunk.length;
      if (ends.at(-1)) break;
    }
    return { bytes: Buffer.concat(chunks), largest: Math.max(...chunks.map((chunk) => chunk.length)), ends };
  }

  describe("buffered", () => {
    test("answers the headers at once and picks on the body", async () => {
      stream.send(envoy.requestHeaders({ contentLength: 99 }));
      expect(await reply()).toEqual(bare("request_headers"));
      stream.send(envoy.requestBody(envoy.chatBody()));
      const answer = await reply();
      picked(answer, "request_body");
      expect(answer.request_body?.response?.body_mutation).toBeUndefined();
      await endsWell();
    });

    test("picks on the headers when no body follows", async () => {
      stream.send(envoy.requestHeaders({ path: "/v1/models", endOfStream: true }));
      picked(await reply(), "request_headers");
      await endsWell();
    });

    test("picks on the headers when the path is not one it knows, and lets the body pass", async () => {
      stream.send(envoy.requestHeaders({ path: "/v1/files" }));
      picked(await reply(), "request_headers");
      stream.send(envoy.requestBody("anything"));
      expect(await reply()).toEqual(bare("request_body"));
      await endsWell();
    });

    test("answers a body and the trailers behind it", async () => {
      stream.send(envoy.requestHeaders());
      await reply();
      stream.send(envoy.requestBody(envoy.chatBody(), false));
      picked(await reply(), "request_body");
      stream.send(envoy.requestTrailers);
      expect(await reply()).toEqual(bare("request_trailers"));
      await endsWell();
    });

    test("picks on what Envoy kept of a body in BUFFERED_PARTIAL", async () => {
      stream.send(envoy.requestHeaders({ mode: "BUFFERED_PARTIAL" }));
      await reply();
      stream.send(envoy.requestBody(envoy.chatBody("a prompt that is cut").slice(0, 60), false));
      picked(await reply(), "request_body");
      await endsWell();
    });

    test("answers every response message of a response phase with nothing to change", async () => {
      stream.send(envoy.requestHeaders({ responseMode: "BUFFERED" }));
      await reply();
      stream.send(envoy.requestBody(envoy.chatBody()));
      await reply();
      for (const message of [envoy.responseHeaders(), envoy.responseBody("{}", true), envoy.responseTrailers]) {
        stream.send(message);
        expect(await reply()).toEqual(bare(Object.keys(message)[0] ?? ""));
      }
      await endsWell();
    });

    test("tolerates a response without a request, as from a local reply of Envoy", async () => {
      stream.send(envoy.responseHeaders(true));
      expect(await reply()).toEqual(bare("response_headers"));
      await endsWell();
    });
  });

  test("picks on the headers in mode NONE", async () => {
    stream.send(envoy.requestHeaders({ mode: "NONE" }));
    picked(await reply(), "request_headers");
    await endsWell();
  });

  describe("streamed", () => {
    test("picks on the headers, since the body waits for that answer, and answers every chunk", async () => {
      stream.send(envoy.requestHeaders({ mode: "STREAMED" }));
      picked(await reply(), "request_headers");
      for (const [chunk, end] of [
        ["{", false],
        ["}", true],
      ] as const) {
        stream.send(envoy.requestBody(chunk, end));
        expect(await reply()).toEqual(bare("request_body"));
      }
      await endsWell();
    });

    test("waits for the body where Envoy sends it without waiting, then answers headers and chunks in order", async () => {
      const body = envoy.chatBody();
      stream.send(envoy.requestHeaders({ mode: "STREAMED", early: true }));
      stream.send(envoy.requestBody(body.slice(0, 20), false));
      stream.send(envoy.requestBody(body.slice(20)));
      picked(await reply(), "request_headers");
      expect(await reply()).toEqual(bare("request_body"));
      expect(await reply()).toEqual(bare("request_body"));
      await endsWell();
    });

    test("answers early streamed headers by the deadline when the body does not come", async () => {
      stream.send(envoy.requestHeaders({ mode: "STREAMED", early: true }));
      picked(await reply(), "request_headers");
      await endsWell();
    });
  });

  describe("full duplex", () => {
    const duplex = { mode: "FULL_DUPLEX_STREAMED", responseMode: "FULL_DUPLEX_STREAMED" } as const;

    test("holds the headers until the body is complete, then sends every byte on, in order", async () => {
      const body = Buffer.from(envoy.chatBody("x".repeat(300_000)));
      stream.send(envoy.requestHeaders(duplex));
      const cuts = [0, 1, 70_000, 70_001, 200_000, body.length];
      for (let i = 1; i < cuts.length; i++) stream.send(envoy.requestBody(body.subarray(cuts[i - 1], cuts[i]), false));
      stream.send(envoy.requestBody("", true));
      picked(await reply(), "request_headers");
      const { bytes, largest, ends } = await echoed("request_body");
      expect(bytes.equals(body)).toBe(true);
      expect(largest).toBeLessThanOrEqual(65_536);
      expect(ends.filter(Boolean)).toHaveLength(1);
      await endsWell();
    });

    test("lets trailers end the body, without an end mark of its own", async () => {
      const body = envoy.chatBody();
      stream.send(envoy.requestHeaders(duplex));
      stream.send(envoy.requestBody(body, false));
      stream.send(envoy.requestTrailers);
      picked(await reply(), "request_headers");
      const { bytes, ends } = await echoed("request_body", body.length);
      expect(bytes.toString()).toBe(body);
      expect(ends).not.toContain(true);
      expect(await reply()).toEqual(bare("request_trailers"));
      await endsWell();
    });

    test("picks on the headers when no body follows", async () => {
      stream.send(envoy.requestHeaders({ ...duplex, endOfStream: true }));
      picked(await reply(), "request_headers");
      await endsWell();
    });

    test("passes an unread body on at once, chunk by chunk", async () => {
      stream.send(envoy.requestHeaders({ ...duplex, path: "/v1/audio/transcriptions" }));
      picked(await reply(), "request_headers");
      const random = new Random(5);
      for (const size of [10, 150_000]) {
        const chunk = random.bytes(size);
        stream.send(envoy.requestBody(chunk, false));
        expect((await echoed("request_body", size)).bytes.equals(chunk)).toBe(true);
      }
      stream.send(envoy.requestBody("", true));
      expect(await echoed("request_body")).toMatchObject({ ends: [true] });
      await endsWell();
    });

    test("sends a response on token by token", async () => {
      stream.send(envoy.requestHeaders({ ...duplex, endOfStream: true }));
      await reply();
      stream.send(envoy.responseHeaders());
      expect(await reply()).toEqual(bare("response_headers"));
      for (const token of ["data: a\n\n", "data: b\n\n"]) {
        stream.send(envoy.responseBody(token, false));
        expect((await echoed("response_body", token.length)).bytes.toString()).toBe(token);
      }
      stream.send(envoy.responseTrailers);
      expect(await reply()).toEqual(bare("response_trailers"));
      await endsWell();
    });
  });

  describe("without protocol_config", () => {
    test("names a pod on the headers when no body comes, and again on the body", async () => {
      stream.send(envoy.requestHeaders({ mode: null }));
      picked(await reply(), "request_headers");
      stream.send(envoy.requestBody(envoy.chatBody()));
      picked(await reply(), "request_body");
      await endsWell();
    });

    test("takes a body that comes before the answer to the headers for full duplex", async () => {
      const other = connectExtProc({ address: picker.address });
      stream.cancel();
      stream = other.process();
      const body = envoy.chatBody();
      stream.send(envoy.requestHeaders({ mode: null }));
      stream.send(envoy.requestBody(body));
      picked(await reply(), "request_headers");
      expect((await echoed("request_body")).bytes.toString()).toBe(body);
      await endsWell();
      other.close();
    });
  });

  test("sends nothing in observability mode", async () => {
    stream.send({ ...envoy.requestHeaders(), observability_mode: true });
    stream.send({ ...envoy.requestBody(envoy.chatBody()), observability_mode: true });
    stream.send({ ...envoy.responseHeaders(true), observability_mode: true });
    await endsWell();
  });

  describe("refusals", () => {
    async function refused(): Promise<{ status: number | undefined; code: string; headers: Map<string, string> }> {
      const answer = await reply();
      expect(answer.response).toBe("immediate_response");
      const { status, body } = answer.immediate_response ?? {};
      return { status: status?.code, code: JSON.parse(String(body)).error.code, headers: mutatedHeaders(answer) };
    }

    test.each(["{", "[]", '"text"', '{"model":"m","messages":[}'])("a body %j is 400", async (body) => {
      stream.send(envoy.requestHeaders());
      await reply();
      stream.send(envoy.requestBody(body));
      expect(await refused()).toMatchObject({ status: 400, code: "malformed_json" });
      await endsWell();
    });

    test("a body without a model is 400", async () => {
      stream.send(envoy.requestHeaders());
      await reply();
      stream.send(envoy.requestBody('{"messages":[]}'));
      expect(await refused()).toMatchObject({ status: 400, code: "model_missing" });
    });

    test("a content-length above the limit is 413 before the body comes", async () => {
      stream.send(envoy.requestHeaders({ contentLength: BODY_LIMIT + 1 }));
      expect(await refused()).toMatchObject({ status: 413, code: "body_too_large" });
    });

    test("a buffered body above the limit is 413", async () => {
      stream.send(envoy.requestHeaders());
      await reply();
      stream.send(envoy.requestBody(Buffer.alloc(BODY_LIMIT + 1, 32)));
      expect(await refused()).toMatchObject({ status: 413 });
    });

    test("a duplex body above the limit is 413 as soon as it is, and what still comes is dropped", async () => {
      stream.send(envoy.requestHeaders({ mode: "FULL_DUPLEX_STREAMED" }));
      for (let i = 0; i < 6; i++) stream.send(envoy.requestBody(Buffer.alloc(BODY_LIMIT / 4, 32), false));
      expect(await refused()).toMatchObject({ status: 413 });
      await endsWell();
    });

    test("a body of exactly the limit is picked for", async () => {
      const shell = envoy.chatBody("");
      const body = envoy.chatBody("x".repeat(BODY_LIMIT - shell.length));
      expect(body).toHaveLength(BODY_LIMIT);
      stream.send(envoy.requestHeaders({ contentLength: BODY_LIMIT }));
      await reply();
      stream.send(envoy.requestBody(body));
      picked(await reply(), "request_body");
    });
  });

  describe("broken streams", () => {
    const invalidArgument = 3;
    const resourceExhausted = 8;
    const unimplemented = 12;

    test.each([
      ["an unreadable message", [Buffer.from([0x12, 0x7f, 1])], invalidArgument],
      ["headers that come twice", [envoy.requestHeaders(), envoy.requestHeaders()], invalidArgument],
      ["a message of no known kind", [{}], unimplemented],
      ["a message above the message limit", [envoy.requestBody(Buffer.alloc(20 * 1024 * 1024))], resourceExhausted],
    ])("%s ends the stream with a status", async (_name, messages, code) => {
      for (const message of messages) stream.send(message);
      expect(await stream.ended).toMatchObject({ code });
    });

    test("a half close without a message ends the stream well", endsWell);

    test("a half close in the middle of the request ends the stream well", async () => {
      stream.send(envoy.requestHeaders());
      await reply();
      await endsWell();
    });

    test.each([
      ["before any message", []],
      ["while the body is awaited", [envoy.requestHeaders()]],
      ["while a body is held", [envoy.requestHeaders({ mode: "FULL_DUPLEX_STREAMED" }), envoy.requestBody("{", false)]],
      ["after the pick", [envoy.requestHeaders({ endOfStream: true })]],
    ])("a reset %s leaves nothing behind", async (_name, messages) => {
      for (const message of messages) stream.send(message);
      await picker.metricBecomes("pointsman_streams_open", 1);
      stream.cancel();
      expect(await stream.ended).toMatchObject({ code: 1 });
    });
  });
});
