/** Streams of a filter in front of Envoy's routes: they are told the model, and nothing is picked. */
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { headerMap } from "../../../src/ext-proc/messages.ts";
import { errorIn, opening, removedIn, setIn } from "../../support/attempt-messages.ts";
import { backendOf, bookOf, HeaderKey } from "../../support/small-backends.ts";
import { type HeaderOptions, type RiggedStream, type RigOptions, StreamRig } from "../../support/stream-rig.ts";

const BODY = '{"model":"m","prompt":"hi"}';

interface Sent {
  readonly rig: StreamRig;
  readonly stream: RiggedStream;
}

function open(options: RigOptions = {}): Sent {
  const rig = new StreamRig({ modelHeader: "x-model", ...options });
  return { rig, stream: rig.open("envoy:1", "route") };
}

/** What the last reply keeps for the attempts. */
function keptIn(stream: RiggedStream): Record<string, string | undefined> {
  const fields = stream.replies.find(({ dynamic_metadata }) => dynamic_metadata !== undefined)?.dynamic_metadata
    ?.fields;
  const kept = fields?.["pointsman"]?.structValue?.fields ?? {};
  return Object.fromEntries(Object.entries(kept).map(([key, { stringValue }]) => [key, stringValue]));
}

const clears = (stream: RiggedStream, at: number) => {
  const reply = stream.replies[at];
  return (reply?.request_headers ?? reply?.request_body)?.response?.clear_route_cache;
};

describe("the route of a request", () => {
  test.each(["BUFFERED", "BUFFERED_PARTIAL"] as const)("%s: the model rides on the answer to the body", (mode) => {
    const { rig, stream } = open();
    stream
      .headers(mode, { path: "/v1/completions?a=1", headers: { ":authority": "h", "content-length": "27" } })
      .body(BODY);
    expect(stream.story).toEqual(["request_headers", "request_body -> m"]);
    expect([setIn(stream.replies[1]), clears(stream, 1)]).toEqual([{ "x-model": "m" }, true]);
    expect(keptIn(stream)).toEqual({
      original_path: "/v1/completions?a=1",
      original_host: "h",
      original_model: "m",
    });
    expect([rig.routes, rig.picks, rig.inFlightCount, rig.refusals]).toEqual([["body"], [], 0, []]);
  });

  test("BUFFERED: a body of unknown length is waited for", () => {
    const { stream } = open();
    stream.headers("BUFFERED", { headers: {} }).body(BODY);
    expect(stream.story).toEqual(["request_headers", "request_body -> m"]);
  });

  test("FULL_DUPLEX_STREAMED: the headers wait for the body, which follows as it came", () => {
    const { stream } = open();
    stream.headers("FULL_DUPLEX_STREAMED").body(BODY.slice(0, 9), false).body(BODY.slice(9));
    expect(stream.story[0]).toBe("request_headers -> m");
    expect(stream.story.slice(1)).toEqual(['request_body "{"model":"', 'request_body ""m","prompt":"hi"}" end']);
  });

  test("STREAMED, early: what has come by the deadline is read", () => {
    const { rig, stream } = open();
    stream.headers("STREAMED", { early: true }).body('{"model":"m","prompt":"h', false);
    rig.advance(140);
    expect(stream.story[0]).toBe("request_headers -> m");
  });

  test("a compressed body is read", async () => {
    const { stream } = open();
    stream
      .headers("BUFFERED", { headers: { "content-encoding": "gzip", "content-length": "40" } })
      .body(gzipSync(BODY));
    await expect.poll(() => stream.story[1]).toBe("request_body -> m");
    expect(keptIn(stream)["original_content_encoding"]).toBe("gzip");
  });

  test("is told whatever attributes come: the filter's own word counts", () => {
    const rig = new StreamRig({ backends: bookOf(backendOf("a")) });
    const stream = rig
      .open("envoy:1", "route")
      .send(opening({ backend: "a" }))
      .body(BODY);
    expect([setIn(stream.replies[1])["x-ai-eg-model"], rig.attempts]).toEqual(["m", []]);
  });

  test("without an option the header is x-ai-eg-model", () => {
    const rig = new StreamRig();
    const stream = rig.open("envoy:1", "route").headers("BUFFERED").body(BODY);
    expect(setIn(stream.replies[1])).toEqual({ "x-ai-eg-model": "m" });
  });

  test("the client's authorization is kept only where a backend gets it", () => {
    const headers = { authorization: "Bearer own", "content-length": "27" };
    const none = open().stream.headers("BUFFERED", { headers }).body(BODY);
    expect(keptIn(none)).not.toHaveProperty("original_authorization");
    const backends = bookOf(backendOf("a", { keepsAuthorization: true, credential: new HeaderKey("x", "") }));
    const kept = open({ backends }).stream.headers("BUFFERED", { headers }).body(BODY);
    expect(keptIn(kept)["original_authorization"]).toBe("Bearer own");
  });

  test("a model that no header can hold is in none, and the client's own header goes", () => {
    const { stream } = open();
    stream.headers("BUFFERED", { headers: { "x-model": "forged", "content-length": "9" } }).body('{"model":"a\\nb"}');
    expect([setIn(stream.replies[1]), removedIn(stream.replies[1]), clears(stream, 1)]).toEqual([
      {},
      ["x-model"],
      true,
    ]);
  });
});

describe("a request that names no model in its body", () => {
  const byHeader = { model: "h", "content-length": "9" };

  test.each<[string, HeaderOptions, string]>([
    ["is for the one that a header names", { headers: byHeader }, '{"prompt":"hi"}'],
    ["of a kind that cannot be read as well", { headers: byHeader, path: "/v1/audio/transcriptions" }, "x"],
  ])("%s", (_, options, body) => {
    const { rig, stream } = open();
    stream.headers("BUFFERED", options).body(body);
    expect(stream.story.some((each) => each.endsWith(" -> h"))).toBe(true);
    expect(rig.routes).toEqual(["header"]);
  });

  test("is not for the one that the client wrote where routes read", () => {
    const rig = new StreamRig();
    const stream = rig
      .open("envoy:1", "route")
      .headers("BUFFERED", { headers: { "x-ai-eg-model": "forged" } })
      .body("{}");
    expect(errorIn(stream.replies.at(-1))).toMatchObject({ status: 400, code: "model_missing" });
  });

  test.each(["NONE", "STREAMED"] as const)("%s: goes on by a header, or without, and is counted as unseen", (mode) => {
    const { rig, stream } = open();
    stream.headers(mode, { headers: byHeader });
    expect(stream.story).toEqual(["request_headers -> h"]);
    const other = rig.open("envoy:1", "route").headers(mode);
    expect(removedIn(other.replies[0])).toEqual(["x-model"]);
    expect([rig.routes, rig.unseen]).toEqual([
      ["header", "nothing"],
      [mode.toLowerCase(), mode.toLowerCase()],
    ]);
  });

  test("and needs none goes on", () => {
    const { rig, stream } = open();
    stream.headers("BUFFERED", { path: "/tokenize" }).body('{"prompt":"hi"}');
    expect([removedIn(stream.replies[1]), rig.routes]).toEqual([["x-model"], ["nothing"]]);
  });

  test.each(["/v1/models", "/v1/models?x=1", "/team/v1/models", "/v1/models/some%2Fid"])("GET %s goes on", (path) => {
    const { rig, stream } = open();
    stream.headers("BUFFERED", { path, end: true, headers: { ":method": "GET" } });
    expect([removedIn(stream.replies[0]), clears(stream, 0), rig.routes]).toEqual([["x-model"], true, ["nothing"]]);
    expect(keptIn(stream)["original_path"]).toBe(path);
  });
});

describe("what the client has done wrong", () => {
  test.each<[string, HeaderOptions, string | undefined, number, string]>([
    ["an unknown path", { path: "/nothing" }, undefined, 404, "unsupported_path"],
    ["an unknown path without a body", { path: "/nothing", end: true }, undefined, 404, "unsupported_path"],
    [
      "a known path by another method",
      { end: true, headers: { ":method": "GET" } },
      undefined,
      404,
      "unsupported_path",
    ],
    ["malformed JSON", {}, "{bad", 400, "malformed_json"],
    ["no body", { end: true }, undefined, 400, "malformed_json"],
    ["an empty body", {}, "", 400, "malformed_json"],
    ["no model", {}, "{}", 400, "model_missing"],
    ["a form that is none", { path: "/v1/audio/transcriptions" }, "x", 415, "body_unreadable"],
    ["a coding that nobody knows", { headers: { "content-encoding": "own" } }, undefined, 415, "body_unreadable"],
    ["a large body", { headers: { "content-length": "2000000" } }, undefined, 413, "body_too_large"],
  ])("%s is told to it", (_, options, body, status, code) => {
    const { rig, stream } = open();
    stream.headers("BUFFERED", options);
    if (body !== undefined) stream.body(body);
    expect(errorIn(stream.replies.at(-1))).toMatchObject({ status, code });
    expect([rig.routes, rig.host.budget.usedBytes]).toEqual([[code], 0]);
    stream.stream.onHalfClose();
    expect(rig.ends).toMatchObject([{ answered: true, inFlightSource: "none" }]);
  });

  test("trailers in the place of a body", () => {
    const { stream } = open();
    stream.headers("BUFFERED", { headers: {} }).trailers();
    expect(errorIn(stream.replies[1])).toMatchObject({ status: 400, code: "malformed_json" });
  });

  test("is not the same as a picker that has no room", () => {
    expect(errorIn(open({ streamLimit: 0 }).stream.headers("BUFFERED").replies[0])).toMatchObject({ status: 503 });
    const full = open({ bufferLimitBytes: 20 }).stream.headers("BUFFERED");
    expect(errorIn(full.replies[0])).toMatchObject({ status: 503, code: "overloaded" });
  });
});

describe("the answer", () => {
  test.each(["STREAMED", "FULL_DUPLEX_STREAMED", "NONE"] as const)("%s: passes as it is", (response) => {
    const { rig, stream } = open();
    stream.headers("BUFFERED", { response }).body(BODY);
    stream.send({ response_headers: { headers: headerMap({ ":status": "200" }) } });
    if (response !== "NONE") stream.send({ response_body: { body: Buffer.from("said"), end_of_stream: true } });
    const echoed = response === "FULL_DUPLEX_STREAMED" ? 'response_body "said" end' : "response_body";
    expect(stream.story.slice(2)).toEqual(["response_headers", ...(response === "NONE" ? [] : [echoed])]);
    expect([rig.answered, rig.outcomes]).toEqual([[], []]);
    expect(stream.stream.letGo()).toBe(true);
  });

  test("that is in the middle of a duplex body is not let go", () => {
    const { stream } = open();
    stream.headers("BUFFERED", { response: "FULL_DUPLEX_STREAMED" }).body(BODY);
    stream.send({ response_headers: { headers: headerMap({ ":status": "200" }) } });
    expect(stream.stream.letGo()).toBe(false);
    stream.send({ response_trailers: { trailers: headerMap({ a: "b" }) } });
    expect([stream.story.at(-1), stream.stream.letGo()]).toEqual(["response_trailers", true]);
  });
});

describe("a pick that tells the routes the model too", () => {
  const POD = "10.0.0.1:8000";

  test("has it in its own reply, with the routes looked through again and the original kept", () => {
    const rig = new StreamRig({ modelHeader: "x-model" });
    const stream = rig.open().headers("BUFFERED").body(BODY);
    expect(setIn(stream.replies[1])).toEqual({ "x-gateway-destination-endpoint": POD, "x-model": "m" });
    expect([clears(stream, 1), keptIn(stream)]).toEqual([
      true,
      { original_path: "/v1/completions", original_model: "m" },
    ]);
    expect(rig.picks.length).toBe(1);
  });

  test("takes the client's own header out where no model is known", () => {
    const rig = new StreamRig({ modelHeader: "x-model" });
    const stream = rig.open().headers("BUFFERED", { path: "/other" });
    expect([removedIn(stream.replies[0]), clears(stream, 0)]).toEqual([["x-model"], true]);
  });

  test("tells the name that the body has from there on", () => {
    const rig = new StreamRig({ modelHeader: "x-model" });
    rig.rewrites.set("config", [
      { name: "r", pool: "", createdAtMs: 0, rules: [{ models: ["m"], targets: [{ model: "n" }] }] },
    ]);
    const stream = rig.open().headers("BUFFERED").body(BODY);
    expect([setIn(stream.replies[1])["x-model"], keptIn(stream)["original_model"]]).toEqual(["n", "n"]);
  });

  test("keeps the original where there are backends, also without such a header", () => {
    const rig = new StreamRig({ backends: bookOf(backendOf("a")) });
    const stream = rig.open().headers("BUFFERED").body(BODY);
    expect([clears(stream, 1), keptIn(stream)["original_path"]]).toEqual([undefined, "/v1/completions"]);
  });

  test("is the constant reply where nobody asks for any of it", () => {
    const rig = new StreamRig();
    const stream = rig.open().headers("BUFFERED").body(BODY);
    expect(keptIn(stream)).toEqual({});
  });
});
