import zlib from "node:zlib";
import { describe, expect, test } from "vitest";
import { mutatedHeaders, type ProcessingResponse } from "../../../src/ext-proc/messages.ts";
import { defaultPoolSettings } from "../../../src/pods/pool.ts";
import type { RewriteRule } from "../../../src/rewrite/rewrite-rules.ts";
import { type HeaderOptions, type RiggedStream, StreamRig } from "../../support/stream-rig.ts";

const POD = "10.0.0.1:8000";
const prompt = "p".repeat(50);
const body = `{"prompt":"${prompt}","model":"alias","x":"alias"}`;
const wanted = body.replace('"model":"alias"', '"model":"target/1"');

const rule = (target: string, ...models: string[]): RewriteRule => ({ models, targets: [{ model: target }] });

function rigged(rules: readonly RewriteRule[] = [rule("target/1", "alias")], pool = ""): StreamRig {
  const rig = new StreamRig({ pods: [POD] });
  rig.rewrites.set("test", rules.length === 0 ? [] : [{ name: "ns/rule", pool, createdAtMs: 0, rules }]);
  return rig;
}

const common = (reply: ProcessingResponse | undefined) => (reply?.request_headers ?? reply?.request_body)?.response;

/** The body as it goes on: what we send in duplex, in the other modes Envoy's own copy where we replace nothing. */
function passed({ replies }: RiggedStream, sent: readonly string[]): string {
  let chunk = 0;
  return replies
    .filter(({ request_body }) => request_body !== undefined)
    .map((reply) => {
      const { streamed_response, body: replaced } = common(reply)?.body_mutation ?? {};
      if (streamed_response !== undefined) return streamed_response.body?.toString() ?? "";
      const own = sent[chunk++] ?? "";
      return replaced?.toString() ?? own;
    })
    .join("");
}

describe("a renamed request", () => {
  test("has the name in its buffered body, and its length, in the reply that names the pod", () => {
    const rig = rigged();
    const stream = rig.open().headers("BUFFERED", { headers: { "content-length": String(body.length) } });
    stream.body(body);
    const [, reply] = stream.replies;
    expect(common(reply)?.body_mutation?.body?.toString()).toBe(wanted);
    expect(Object.fromEntries(mutatedHeaders(reply!))).toEqual({
      "x-gateway-destination-endpoint": POD,
      "content-length": String(wanted.length),
    });
    expect(rig.picks[0]).toMatchObject({
      model: "alias",
      rewrite: { target: "target/1", by: "ns/rule", outcome: "written" },
    });
  });

  test("is given no length where the client gave none", () => {
    const stream = rigged().open().headers("BUFFERED", { headers: {} }).body(body);
    expect([...mutatedHeaders(stream.replies[1]!).keys()]).toEqual(["x-gateway-destination-endpoint"]);
    expect(passed(stream, [body])).toBe(wanted);
  });

  test.each(["FULL_DUPLEX_STREAMED", "STREAMED"] as const)("has the name in its %s body, cut anywhere", (mode) => {
    for (let first = 1; first < body.length; first++) {
      for (const second of [first, first + 1, first + 7, body.length]) {
        if (second > body.length) continue;
        const chunks = [body.slice(0, first), body.slice(first, second), body.slice(second)];
        const stream = rigged()
          .open()
          .headers(mode, { early: mode === "STREAMED" });
        for (const [i, chunk] of chunks.entries()) stream.body(chunk, i === chunks.length - 1);
        expect(passed(stream, chunks)).toBe(wanted);
        expect([...mutatedHeaders(stream.replies[0]!).keys()]).toEqual(["x-gateway-destination-endpoint"]);
        if (mode === "STREAMED") expect(stream.replies).toHaveLength(chunks.length + 1);
      }
    }
  });

  test("goes on in chunks that Envoy takes, also with a long prompt", () => {
    const long = body.replace(prompt, "p".repeat(300_000));
    const stream = rigged().open().headers("FULL_DUPLEX_STREAMED").body(long);
    expect(passed(stream, [])).toBe(long.replace('"model":"alias"', '"model":"target/1"'));
    const lengths = stream.replies.map((reply) => common(reply)?.body_mutation?.streamed_response?.body?.length ?? 0);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(62_000);
  });

  test("has the name where a duplex body came only in part, and the rest follows as it is", () => {
    const rig = rigged();
    const head = '{"model":"alias","prompt":"';
    const stream = rig.open().headers("FULL_DUPLEX_STREAMED").body(head, false);
    rig.advance(10_000);
    stream.body('more"}');
    expect(passed(stream, [])).toBe('{"model":"target/1","prompt":"more"}');
    expect(rig.picks[0]?.reason).toBe("body_cut");
  });

  test("is routed by the new name, and refused in the words of the client", () => {
    const rig = rigged([rule("other", "alias"), rule("here", "b")]);
    rig.models.set(rig.table.pods()[0]!, { kind: "listed", entries: [{ id: "here" }] });
    const refused = rig.open().headers("BUFFERED").body(body);
    expect(refused.replies.at(-1)?.immediate_response?.status?.code).toBe(404);
    rig.pools
      .obtain("as-aibrix", { ...defaultPoolSettings, unknownModel: "refuse-as-aibrix" })
      .assign(rig.table.pods());
    const asAibrix = rig
      .open()
      .headers("BUFFERED", { headers: { "x-pointsman-pool": "as-aibrix" } })
      .body(body);
    expect(mutatedHeaders(asAibrix.replies.at(-1)!).get("x-error-no-model-backends")).toBe("alias");
    const stream = rig.open().headers("BUFFERED").body('{"model":"b"}');
    expect(passed(stream, ["?"])).toBe('{"model":"here"}');
  });

  test("goes to the pool whose rule it is", () => {
    const rig = rigged([rule("target/1", "alias")], "second");
    rig.table.reconcile([POD, "10.0.0.2:8000"].map((address) => ({ name: address, address })));
    rig.pools.obtain("second", defaultPoolSettings).assign([rig.table.byAddress("10.0.0.2:8000")!]);
    rig.open().headers("BUFFERED").body(body);
    expect(rig.picks[0]?.pool.name).toBe("second");
  });

  test("gets its name from a header where no rule says one", () => {
    const headers = { "x-gateway-model-name-rewrite": "asked", "content-length": "9" };
    const stream = rigged([]).open().headers("BUFFERED", { headers }).body(body);
    expect(passed(stream, [])).toBe(body.replace('"model":"alias"', '"model":"asked"'));
    const both = rigged().open().headers("BUFFERED", { headers }).body(body);
    expect(passed(both, [])).toBe(wanted);
  });

  test("gets a model where it names none and must, and a rule is for all", () => {
    const rig = rigged([rule("any")]);
    const stream = rig.open().headers("BUFFERED").body('{"prompt":"x"}');
    expect(passed(stream, [])).toBe('{"model":"any","prompt":"x"}');
    expect(
      rigged().open().headers("BUFFERED").body('{"prompt":"x"}').replies.at(-1)?.immediate_response?.status?.code,
    ).toBe(400);
    const pooled = rig.open().headers("BUFFERED", { path: "/v1/embeddings" }).body('{"input":"x"}');
    expect(passed(pooled, ['{"input":"x"}'])).toBe('{"input":"x"}');
    expect(rig.picks[1]?.rewrite).toBeUndefined();
  });

  test("of a form has the name in its field", () => {
    const form = (model: string) => `--b\r\nContent-Disposition: form-data; name="model"\r\n\r\n${model}\r\n--b--\r\n`;
    const headers = { "content-type": "multipart/form-data; boundary=b" };
    const stream = rigged().open().headers("FULL_DUPLEX_STREAMED", { path: "/v1/audio/transcriptions", headers });
    stream.body(form("alias"));
    expect(passed(stream, [])).toBe(form("target/1"));
  });
});

describe("a request that is to be renamed and cannot be", () => {
  const kept = (mode: "NONE" | "STREAMED" | "BUFFERED", options: HeaderOptions, sent: string | Buffer) => {
    const rig = rigged();
    const stream = rig.open().headers(mode, options);
    if (mode !== "NONE") stream.body(Buffer.from(sent));
    expect(stream.replies.flatMap((reply) => common(reply)?.body_mutation ?? [])).toEqual([]);
    return { outcome: rig.picks[0]?.rewrite?.outcome, model: rig.picks[0]?.model };
  };

  test.each(["NONE", "STREAMED"] as const)("keeps its name where the mode %s hides the body until the pick", (mode) => {
    expect(kept(mode, { headers: { model: "alias" } }, body)).toEqual({ outcome: "unseen", model: "alias" });
  });

  test("keeps its name where the body is compressed", () => {
    const options = { headers: { "content-encoding": "gzip" } };
    expect(kept("BUFFERED", options, zlib.gzipSync(body))).toEqual({ outcome: "compressed", model: "alias" });
  });

  test("keeps its name where the body cannot be read", () => {
    const options = { path: "/v1/audio/transcriptions", headers: { "content-type": "text/plain", model: "alias" } };
    expect(kept("BUFFERED", options, body).outcome).toBe("unread");
  });

  test("needs no change where the rule's target is its name, or its API names no model", () => {
    const same = rigged([rule("alias")]);
    same.open().headers("BUFFERED").body(body);
    expect(same.picks[0]?.rewrite?.outcome).toBe("same");
    const pooled = rigged();
    const stream = pooled.open().headers("BUFFERED", { path: "/v1/embeddings", headers: { model: "alias" } });
    stream.body('{"input":"x"}');
    expect(pooled.picks[0]).toMatchObject({ model: "alias", rewrite: { outcome: "routed", target: "target/1" } });
    expect(passed(stream, ['{"input":"x"}'])).toBe('{"input":"x"}');
  });

  test("is only watched: then nothing goes out", () => {
    const rig = rigged();
    const stream = rig.open().headers("STREAMED", { shadow: true }).body(body, true, true);
    expect(stream.replies).toEqual([]);
    expect(rig.picks[0]?.rewrite?.outcome).toBe("written");
  });
});

describe("an objective", () => {
  test("gives the decision its priority by the pool's objects, 0 where none has its name", () => {
    const rig = rigged([]);
    rig.objectives.set("default", new Map([["batch", -5]]));
    const ask = (headers: Record<string, string>) => rig.open().headers("BUFFERED", { headers }).body(body);
    ask({ "x-llm-d-inference-objective": "batch" });
    ask({ "x-gateway-inference-objective": "unknown" });
    ask({});
    expect(rig.picks.map(({ priority }) => priority)).toEqual([-5, 0, undefined]);
  });
});
