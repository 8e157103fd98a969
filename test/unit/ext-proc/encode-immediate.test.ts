import { describe, expect, test } from "vitest";
import { type ErrorCode, type ErrorCodeSpec, errorCodes } from "../../../src/errors.ts";
import { immediateReply, modelListReply, refusalReply } from "../../../src/ext-proc/encode-immediate.ts";
import { mutatedHeaders, protoMethods } from "../../../src/ext-proc/messages.ts";
import { PodTable } from "../../../src/pods/pod-table.ts";
import { Pool, type PoolSettings } from "../../../src/pods/pool.ts";
import { ServedModels } from "../../../src/pods/served-models.ts";

function read(bytes: Buffer) {
  const reply = protoMethods().process.responseDeserialize(bytes);
  const { status, details, body } = reply.immediate_response ?? {};
  return {
    status: status?.code,
    details,
    body: JSON.parse(body?.toString() ?? "") as { error: { message: string } },
    headers: [...mutatedHeaders(reply)],
  };
}

test.each(Object.entries<ErrorCodeSpec>(errorCodes))(
  "immediateReply of %s is an answer that client libraries read",
  (code, spec) => {
    const { status, details, body, headers } = read(immediateReply(code as ErrorCode));
    expect([status, details]).toEqual([spec.status, `pointsman_${code}`]);
    expect(body).toEqual({ error: { message: spec.message, type: spec.type, param: spec.param ?? null, code } });
    const retryAfter = spec.retryAfterSeconds === undefined ? [] : [["retry-after", String(spec.retryAfterSeconds)]];
    const dropped = spec.dropped === undefined ? [] : [["x-llm-d-request-dropped-reason", spec.dropped]];
    const own = [
      ["content-type", "application/json"],
      ["x-pointsman-error", code],
    ];
    expect(headers).toEqual([...own, ...dropped, ...retryAfter]);
  },
);

describe("refusalReply", () => {
  const poolThat = (unknownModel: PoolSettings["unknownModel"]) =>
    new Pool(
      "p",
      { unknownModel, listModels: "answer", profile: "default" },
      { table: new PodTable(), models: new ServedModels() },
    );

  test("names what the client may ask for instead", () => {
    const { status, body } = read(
      refusalReply({ kind: "refused", code: "model_not_found", known: ["a", "b"], pool: poolThat("refuse") }),
    );
    expect([status, body.error.message]).toEqual([404, "The model does not exist here. Known: a, b."]);
  });

  test("names nothing where nothing is known", () => {
    const { status, body } = read(refusalReply({ kind: "refused", code: "pool_unknown", known: [] }));
    expect([status, body.error.message]).toEqual([404, errorCodes.pool_unknown.message]);
  });

  test("refuses an unknown model as AIBrix does where the pool is to look like AIBrix", () => {
    const pool = poolThat("refuse-as-aibrix");
    const { status, headers } = read(
      refusalReply({ kind: "refused", code: "model_not_found", model: "lla\r\nma", known: [], pool }),
    );
    expect(status).toBe(400);
    expect(headers).toContainEqual(["x-error-no-model-backends", "lla??ma"]);
  });

  test("is the code's constant answer where routing adds nothing", () => {
    expect(refusalReply({ kind: "refused", code: "no_pods" })).toBe(immediateReply("no_pods"));
  });
});

test("modelListReply is what OpenAI's GET /v1/models answers, the entries as they came", () => {
  const entries = [
    { id: "base", object: "model", max_model_len: 8192 },
    { id: "adapter", parent: "base" },
  ];
  const { status, body, headers } = read(modelListReply(entries));
  expect([status, body]).toEqual([200, { object: "list", data: entries }]);
  expect(headers).toEqual([["content-type", "application/json"]]);
});

test("modelListReply spells the same list once", () => {
  const entries = [{ id: "a" }];
  expect(modelListReply(entries)).toBe(modelListReply(entries));
  expect(modelListReply([{ id: "a" }])).toEqual(modelListReply(entries));
});
