/** Streams of the filter in a cluster's own chain: each is one attempt at one backend, and knows nothing but its messages. */
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { countRule } from "../../../src/costs/cost-rule.ts";
import { headerMap, type ProcessingRequest } from "../../../src/ext-proc/messages.ts";
import {
  answer,
  answerText,
  BODY,
  bodyIn,
  commonOf,
  errorIn,
  opening,
  removedIn,
  rigOf,
  setIn,
} from "../../support/attempt-messages.ts";
import { StreamRig } from "../../support/stream-rig.ts";

const JSON_TYPE = { "content-type": "application/json" };

describe("a request in BUFFERED", () => {
  test("has its headers answered at once, and everything in the answer to the body", () => {
    const rig = rigOf();
    const stream = rig.open().send(opening({ headers: { "content-length": "27", "x-envoy-attempt-count": "2" } }));
    expect(stream.story).toEqual(["request_headers"]);
    expect(rig.host.budget.usedBytes).toBe(27);
    stream.body(BODY);
    expect(bodyIn(stream.replies[1])).toBe('{"model":"at-a","messages":[]}');
    expect(setIn(stream.replies[1])).toEqual({
      authorization: "Bearer key-of-a",
      "content-length": "30",
      ":path": "/as/at-a/chat?v=1",
      ":authority": "a.example",
    });
    expect([rig.attempts.at(-1), rig.host.budget.usedBytes]).toEqual(["a 2", 0]);
    expect([rig.picks, rig.inFlightCount, rig.refusals]).toEqual([[], 0, []]);
  });

  test("is made of the original, whatever the attempt before has set", () => {
    const original = { original_path: "/v1/chat/completions?x", original_host: "client.example" };
    const changed = { ":path": "/as/at-a/chat?v=1", ":authority": "a.example", authorization: "Bearer key-of-a" };
    const stream = rigOf()
      .open()
      .send(opening({ backend: "b", original, headers: changed }))
      .body(BODY);
    expect(setIn(stream.replies[1])).toEqual({
      "x-b-key": "b",
      "x-team": "b",
      "content-length": "27",
      ":path": "/as/m/chat?v=1",
      ":authority": "client.example",
    });
    expect(removedIn(stream.replies[1])).toEqual(expect.arrayContaining(["authorization", "x-say-key", "x-keyless"]));
    expect(bodyIn(stream.replies[1])).toBeUndefined();
    expect(stream.replies[1]?.dynamic_metadata).toBeUndefined();
  });

  test("keeps what the request was for the next attempt where no phase before it has", () => {
    const rig = rigOf();
    const first = rig
      .open()
      .send(opening({ headers: { "x-envoy-attempt-count": "1" } }))
      .body(BODY);
    const kept = first.replies[1]?.dynamic_metadata?.fields?.["pointsman"]?.structValue?.fields;
    expect(kept).toMatchObject({
      original_path: { stringValue: "/v1/chat/completions" },
      original_host: { stringValue: "client.example" },
    });
    rig
      .open()
      .send(opening({ headers: { "x-envoy-attempt-count": "2" } }))
      .body(BODY);
    expect(rig.attempts).toEqual(["a 1", "a unfit: original_lost", "a 2"]);
  });

  test("is refused where it cannot be translated, and the backend is not asked", () => {
    const rig = rigOf();
    const stream = rig
      .open()
      .send(opening({ backend: "say" }))
      .body('{"model":"m","no_word":1}');
    expect(errorIn(stream.replies[1])).toEqual({
      ...{ status: 422, code: "untranslatable", type: "invalid_request_error" },
      ...{ param: "no_word", message: "There is no word for it." },
    });
    expect(rig.attempts).toEqual(["say refused: untranslatable"]);
    stream.stream.onCancel();
    expect(rig.ends).toMatchObject([{ answered: true, inFlightSource: "none", cause: "cancel" }]);
  });

  test.each([
    ["malformed JSON", opening(), "{bad", 400, "malformed_json"],
    ["a body above the limit", opening(), `{"model":"${"x".repeat(1000)}"}`, 413, "body_too_large"],
    ["a path of no API", opening({ headers: { ":path": "/nothing" } }), "x", 404, "unsupported_path"],
    [
      "a backend whose key is not there, where no answer is shown",
      ...([opening({ backend: "keyless", response: "NONE" }), BODY, 503, "backend_credential_missing"] as const),
    ],
    ["a coding that nobody knows", opening({ headers: { "content-encoding": "own" } }), "x", 415, "body_unreadable"],
    [
      "a body that is not in its coding",
      opening({ headers: { "content-encoding": "gzip" } }),
      "x",
      415,
      "body_unreadable",
    ],
  ])("is refused for %s", async (_, headers, body, status, code) => {
    const rig = rigOf({ bodyLimitBytes: 500 });
    const stream = rig.open().send(headers).body(body);
    await expect.poll(() => errorIn(stream.replies[1])).toMatchObject({ status, code });
    expect(rig.host.budget.usedBytes).toBe(0);
  });

  test("is refused where there is no room for its body", () => {
    const rig = rigOf({ bufferLimitBytes: 20 });
    expect(errorIn(rig.open().send(opening()).body(BODY).replies[1])).toMatchObject({ code: "overloaded" });
    const announced = rig.open().send(opening({ headers: { "content-length": "30" } }));
    expect(errorIn(announced.replies[0])).toMatchObject({ status: 503, code: "overloaded" });
    expect(rig.host.budget.usedBytes).toBe(0);
  });

  test.each([
    ["a small one", BODY],
    ["a large one", `{"model":"m","messages":[],"x":"${"x".repeat(300_000)}"}`],
  ])("is sent on plain where it came compressed: %s", async (_, text) => {
    const rig = rigOf();
    const stream = rig.open().send(opening({ backend: "b", headers: { "content-encoding": "gzip" } }));
    stream.body(gzipSync(text));
    await expect.poll(() => bodyIn(stream.replies[1])).toBe(text);
    expect(setIn(stream.replies[1])["content-length"]).toBe(String(text.length));
    expect(removedIn(stream.replies[1])).toContain("content-encoding");
    expect(rig.host.budget.usedBytes).toBe(0);
  });

  test("is known to be compressed by a further attempt, whose headers do not say so any more", async () => {
    const original = { original_path: "/v1/chat/completions", original_content_encoding: "gzip" };
    const stream = rigOf().open().send(opening({ original })).body(gzipSync(BODY));
    await expect.poll(() => bodyIn(stream.replies[1])).toBe('{"model":"at-a","messages":[]}');
  });

  test("lets go of a body that is being inflated when its stream ends", () => {
    const rig = rigOf();
    const stream = rig.open().send(opening({ headers: { "content-encoding": "gzip" } }));
    stream.body(gzipSync(`{"model":"m","x":"${"x".repeat(300_000)}"}`));
    stream.stream.onCancel();
    expect([rig.host.budget.usedBytes, rig.held.size, stream.replies.length]).toEqual([0, 0, 1]);
    expect(rig.ends).toMatchObject([{ answered: false }]);
  });

  test("tells no length where trailers follow", () => {
    const stream = rigOf()
      .open()
      .send(opening({ headers: { "content-length": "27" } }))
      .body(BODY, false)
      .trailers();
    expect(setIn(stream.replies[1])["content-length"]).toBeUndefined();
    expect(removedIn(stream.replies[1])).toContain("content-length");
    expect(stream.story.at(-1)).toBe("request_trailers");
  });

  test("without a body is answered with its headers", () => {
    const rig = rigOf();
    const stream = rig.open().send(opening({ end: true }));
    expect(setIn(stream.replies[0])).toMatchObject({
      ":path": "/v1/chat/completions",
      authorization: "Bearer key-of-a",
    });
    expect(removedIn(stream.replies[0])).toContain("content-length");
    const trailed = rig.open().send(opening()).trailers();
    expect(errorIn(trailed.replies[1])).toMatchObject({ code: "malformed_json" });
  });

  test("is not served where too many streams are open, and its headers may not come twice", () => {
    const rig = rigOf({ streamLimit: 0 });
    expect(errorIn(rig.open().send(opening()).replies[0])).toMatchObject({ code: "overloaded" });
    expect(rigOf().open().send(opening()).send(opening()).status).toBe(3);
  });

  test("ends with a status, and does not go on, where a part of it fails", () => {
    const rig = rigOf();
    const stream = rig
      .open()
      .send(opening({ backend: "say" }))
      .body('{"model":"m","stray":1}');
    expect([stream.story, stream.status, rig.faults]).toEqual([["request_headers"], 13, ["stream"]]);
  });
});

describe("a request in another body mode", () => {
  test("FULL_DUPLEX_STREAMED: the headers wait for the body, which follows them changed", () => {
    const rig = rigOf();
    const stream = rig.open().send(opening({ mode: "FULL_DUPLEX_STREAMED" }));
    stream.body(BODY.slice(0, 9), false).body(BODY.slice(9), false);
    expect(stream.story).toEqual([]);
    stream.body("", true);
    expect(setIn(stream.replies[0])).toMatchObject({ ":authority": "a.example" });
    const text = stream.replies.map((reply) => commonOf(reply)?.body_mutation?.streamed_response);
    expect(text.map((piece) => piece?.body?.toString() ?? "").join("")).toBe('{"model":"at-a","messages":[]}');
    expect(text.map((piece) => piece?.end_of_stream === true)).toEqual([false, false, false, true]);
    expect(rig.host.budget.usedBytes).toBe(0);
    stream.body("", true);
    expect(stream.replies.length).toBe(4);
  });

  test("FULL_DUPLEX_STREAMED: trailers end it, and go on behind it", () => {
    const stream = rigOf()
      .open()
      .send(opening({ backend: "b", mode: "FULL_DUPLEX_STREAMED" }));
    stream.body(BODY, false).trailers();
    expect(stream.story.slice(1)).toEqual([`request_body "${BODY}"`, "request_trailers"]);
    expect(setIn(stream.replies[0])).toMatchObject({ "x-b-key": "b" });
  });

  test("FULL_DUPLEX_STREAMED: trailers that come while it is inflated wait for it", async () => {
    const stream = rigOf()
      .open()
      .send(opening({ mode: "FULL_DUPLEX_STREAMED", headers: { "content-encoding": "gzip" } }));
    stream.body(gzipSync(`{"model":"m","x":"${"x".repeat(300_000)}"}`), false).trailers();
    await expect.poll(() => stream.story.at(-1)).toBe("request_trailers");
  });

  test.each(["NONE", "STREAMED", "BUFFERED_PARTIAL"] as const)("%s: only the headers change", (mode) => {
    const rig = rigOf({ modelHeader: "x-ai-eg-model" });
    const stream = rig.open().send(opening({ backend: "b", mode, headers: { "x-ai-eg-model": "m" } }));
    expect(setIn(stream.replies[0])).toMatchObject({ "x-b-key": "b", ":path": "/as/m/chat?v=1" });
    expect(setIn(stream.replies[0])["content-length"]).toBeUndefined();
    if (mode !== "NONE") expect(stream.body("{").story[1]).toBe("request_body");
    expect(rig.attempts).toEqual(["b 0"]);
  });

  test.each(["NONE", "STREAMED", "BUFFERED_PARTIAL"] as const)(
    "%s: says that it hides a body that is to change",
    (mode) => {
      const rig = rigOf();
      const stream = rig.open().send(opening({ mode }));
      expect([rig.attempts, setIn(stream.replies[0])]).toEqual([["a unfit: body_hidden"], {}]);
      expect(removedIn(stream.replies[0])).toContain("authorization");
      const refusing = rigOf({ unknownBackend: "refuse" }).open().send(opening({ mode }));
      expect(errorIn(refusing.replies[0])).toMatchObject({ status: 500, code: "filter_mode_unfit" });
    },
  );
});

describe("an attempt whose filter does not let it be made", () => {
  const { request_headers: _, ...told } = opening();
  const unseen: ProcessingRequest = { ...told, request_body: { body: Buffer.from(BODY), end_of_stream: true } };

  test("of headers that are not shown is refused, or goes on without what is secret in them, and is counted", () => {
    const rig = rigOf({ unknownBackend: "refuse" });
    expect(errorIn(rig.open("envoy:1", "attempt").send(unseen).replies[0])).toMatchObject({
      ...{ status: 500, code: "filter_mode_unfit" },
    });
    expect(rig.attempts).toEqual(["a unfit: headers_hidden", "a refused: filter_mode_unfit"]);
    const going = rigOf();
    const stream = going.open("envoy:1", "attempt").send(unseen);
    expect(stream.story).toEqual(["request_body"]);
    expect(removedIn(stream.replies[0])).toEqual(expect.arrayContaining(["authorization", "cookie", "x-ai-eg-model"]));
    expect(removedIn(stream.replies[0])).not.toContain("content-encoding");
    answer(stream, JSON_TYPE, "{}", "");
    expect([stream.story.slice(1, 3), going.attempts]).toEqual([
      ["response_headers", "response_body"],
      ["a unfit: headers_hidden"],
    ]);
  });

  test("of headers that are not shown is counted where nothing but the answer comes", () => {
    const rig = rigOf({ unknownBackend: "refuse" });
    const stream = rig.open("envoy:1", "attempt");
    answer(stream, JSON_TYPE);
    expect([rig.attempts, stream.story]).toEqual([[" unfit: headers_hidden"], ["response_headers"]]);
  });

  test("whose answer is to be read and is not shown is counted, and made", () => {
    const rig = rigOf();
    rig
      .open()
      .send(opening({ response: "NONE" }))
      .body(BODY);
    rig
      .open()
      .send(opening({ backend: "b", response: "NONE" }))
      .body(BODY);
    expect(rig.attempts).toEqual(["a 0", "a unfit: answer_unread", "b 0"]);
    const costing = rigOf({ costs: [countRule("total", "total")] });
    costing
      .open()
      .send(opening({ backend: "b", response: "NONE" }))
      .body(BODY);
    expect(costing.attempts).toEqual(["b 0", "b unfit: answer_unread"]);
  });

  test("that only watches is counted once", () => {
    const rig = rigOf({ unknownBackend: "refuse" });
    const stream = rig.open().send({ ...opening(), observability_mode: true });
    stream.send({ ...unseen, observability_mode: true });
    expect([rig.attempts, stream.replies]).toEqual([["a unfit: watched_only"], []]);
  });

  test("of a further one that is not told what the request was is refused where the operator wants that", () => {
    const rig = rigOf({ unknownBackend: "refuse" });
    const stream = rig.open().send(opening({ headers: { "x-envoy-attempt-count": "2" } }));
    expect(errorIn(stream.replies[0])).toMatchObject({ status: 500, code: "filter_mode_unfit" });
    expect(rig.attempts).toEqual(["a unfit: original_lost", "a refused: filter_mode_unfit"]);
  });
});

describe("an attempt whose backend is not known", () => {
  test.each([
    ["named by nothing", opening({ backend: "" }), "unnamed"],
    ["of a name that is not configured", opening({ backend: "nobody" }), "unknown"],
  ])("%s goes on without what another attempt may have set, and is counted", (_, message, flaw) => {
    const rig = rigOf();
    const original = { original_path: "/v1/x", original_host: "client.example" };
    const { request_headers, ...rest } = message;
    const { metadata_context } = opening({ original });
    const stream = rig
      .open()
      .send({ request_headers, metadata_context, ...rest } as ProcessingRequest)
      .body("anything");
    expect(stream.story.slice(1)).toEqual(["request_body"]);
    expect(setIn(stream.replies[0])).toEqual({ ":path": "/v1/x", ":authority": "client.example" });
    expect(removedIn(stream.replies[0])).toEqual(
      expect.arrayContaining(["authorization", "x-b-key", "content-length"]),
    );
    expect(rig.attempts).toEqual([`${flaw === "unnamed" ? "" : "nobody"} unfit: ${flaw}`]);
  });

  test("is refused where the operator wants that", () => {
    const refusing = rigOf({ unknownBackend: "refuse" });
    expect(errorIn(refusing.open().send(opening({ backend: "nobody" })).replies[0])).toMatchObject({
      ...{ status: 500, code: "backend_unknown" },
    });
    const none = new StreamRig({ unknownBackend: "refuse" });
    expect(errorIn(none.open().send(opening()).replies[0])).toMatchObject({ code: "backend_unknown" });
  });

  test.each([
    [35, "NONE", true],
    [36, "STREAMED", true],
    [36, "NONE", false],
    [37, "STREAMED", false],
  ] as const)("of Envoy 1.%i in %s: is it too old? %s", (minor, response, isOld) => {
    const rig = rigOf();
    rig.open().send(opening({ backend: "b", response, envoyMinor: minor }));
    expect(rig.attempts).toEqual(isOld ? ["b unfit: envoy_old"] : []);
  });

  test("is an attempt by the word of its filter alone, also without backends", () => {
    const rig = new StreamRig();
    const { attributes: _, ...message } = opening();
    expect(rig.open("envoy:1", "attempt").send(message).story).toEqual(["request_headers"]);
    expect([rig.attempts, rig.picks]).toEqual([[" unfit: unnamed"], []]);
  });

  test("that says nothing of its phase is taken for a pick, and counted where there are no pods", () => {
    const rig = rigOf({ pods: [] });
    const { attributes: _, ...message } = opening();
    const stream = rig.open().send(message).body(BODY);
    expect(errorIn(stream.replies.at(-1))).toMatchObject({ status: 503, code: "no_pods" });
    expect(rig.attempts).toEqual([" unfit: phase_untold"]);
  });

  test.each([
    ["xds.cluster_metadata.filter_metadata['pointsman']['backend']", "a"],
    [
      "xds.cluster_metadata.filter_metadata['aigateway.envoy.io']['per_route_rule_backend_name']",
      "a/route/r/rule/0/ref/0",
    ],
    ['xds.upstream_host_metadata.filter_metadata["pointsman"]["backend"]', "a"],
  ])("is known by %s", (attribute, backend) => {
    const rig = rigOf();
    rig.open().send(opening({ attribute, backend })).body(BODY);
    expect(rig.attempts).toEqual(["a 0"]);
  });
});

describe("an attempt without its key, whose answer is shown", () => {
  const UNAVAILABLE = {
    ":status": "503",
    "content-type": "application/json",
    "x-pointsman-error": "backend_credential_missing",
  };
  const refused = { "content-type": "text/plain", ":status": "401", "www-authenticate": "x", "retry-after": "9" };

  test("goes out bare, and comes back as a failure that lets the gateway try another backend", () => {
    const rig = rigOf();
    const stream = rig.open().send(opening({ backend: "keyless", headers: { authorization: "Bearer key-of-a" } }));
    stream.body(BODY);
    expect(setIn(stream.replies[1])).toEqual({ "content-length": "0" });
    expect(bodyIn(stream.replies[1])).toBe("");
    expect(removedIn(stream.replies[1])).toEqual(expect.arrayContaining(["authorization", "x-b-key", "x-team"]));
    expect(stream.stream.letGo()).toBe(false);
    answer(stream, refused, "no key", "");
    expect(setIn(stream.replies[2])).toEqual(UNAVAILABLE);
    expect(removedIn(stream.replies[2])).toEqual(expect.arrayContaining(["retry-after", "www-authenticate"]));
    expect(JSON.parse(answerText(stream)).error.code).toBe("backend_credential_missing");
    expect([rig.attempts, rig.backendAnswers]).toEqual([["keyless refused: backend_credential_missing"], []]);
  });

  test("in FULL_DUPLEX_STREAMED too, with trailers or without", () => {
    const modes = { mode: "FULL_DUPLEX_STREAMED", response: "FULL_DUPLEX_STREAMED" } as const;
    const stream = rigOf()
      .open()
      .send(opening({ backend: "keyless", ...modes }))
      .body(BODY);
    expect(stream.story.slice(1)).toEqual(['request_body "" end']);
    stream.send({ response_headers: { headers: headerMap({ ":status": "401" }) } });
    stream.send({ response_trailers: { trailers: headerMap({ a: "b" }) } });
    expect(JSON.parse(answerText(stream)).error.code).toBe("backend_credential_missing");
    expect(stream.story.at(-1)).toBe("response_trailers");
  });

  test("with an answer that has no body is a failure all the same", () => {
    const stream = rigOf()
      .open()
      .send(opening({ backend: "keyless", end: true }));
    expect(setIn(answer(stream, { ":status": "404" }).replies[1])).toEqual(UNAVAILABLE);
    expect(stream.stream.letGo()).toBe(true);
  });
});

describe("letGo", () => {
  test("never ends a stream whose request is not out: Envoy would send it as it came", () => {
    const stream = rigOf().open().send(opening());
    expect(stream.stream.letGo()).toBe(false);
    stream.body(BODY);
    // Its answer is still to get back its name.
    expect(stream.stream.letGo()).toBe(false);
    const plain = rigOf()
      .open()
      .send(opening({ backend: "b" }))
      .body(BODY);
    expect(answer(plain, JSON_TYPE, "{}").stream.letGo()).toBe(true);
  });
});
