/** What is due goes out with the reply that lets the payer's next request go on, as Envoy's definition of it reads. */
import { describe, expect, test } from "vitest";
import { countRule } from "../../../src/costs/cost-rule.ts";
import { headerMap, type ProcessingResponse } from "../../../src/ext-proc/messages.ts";
import { type RiggedStream, StreamRig } from "../../support/stream-rig.ts";

const costs = [countRule("tokens", "total")];
const payerHeader = "x-user";

function asking(rig: StreamRig, user: string): RiggedStream {
  const headers = user === "" ? {} : { [payerHeader]: user };
  return rig.open().headers("BUFFERED", { response: "STREAMED", headers, path: "/v1/completions" });
}

function ask(rig: StreamRig, user = "one"): RiggedStream {
  return asking(rig, user).body('{"model":"m","prompt":"hello"}');
}

function answer(stream: RiggedStream, status = "200", details?: string): RiggedStream {
  const headers = headerMap({ ":status": status, "content-type": "application/json" });
  const fields = { "response.code_details": { stringValue: details ?? "" } };
  stream.send({
    response_headers: { headers },
    ...(details !== undefined && { attributes: { "envoy.filters.http.ext_proc": { fields } } }),
  });
  const body = Buffer.from('{"usage":{"prompt_tokens":9,"completion_tokens":3}}');
  return stream.send({ response_body: { body, end_of_stream: true } });
}

function dueIn({ dynamic_metadata }: ProcessingResponse): Record<string, number | undefined> | undefined {
  const fields = dynamic_metadata?.fields?.["pointsman.due"]?.structValue?.fields;
  return fields && Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, value.numberValue]));
}

const dues = ({ replies }: RiggedStream) => replies.map(dueIn).filter((due) => due !== undefined);

describe("Payer", () => {
  test("carries what earlier answers have cost, once, with the pick", () => {
    const rig = new StreamRig({ costs, payerHeader });
    expect(dues(answer(ask(rig)))).toEqual([]);
    answer(ask(rig, "two"));
    const next = ask(rig);
    expect(next.replies.map(dueIn)).toEqual([{ tokens: 12 }, undefined]);
    expect(next.replies[0]?.dynamic_metadata?.fields?.["envoy.lb"]).toBeDefined();
    expect(dues(ask(rig))).toEqual([]);
  });

  test("is nobody where no header is asked for", () => {
    const rig = new StreamRig({ costs });
    answer(ask(rig));
    expect(dues(ask(rig))).toEqual([]);
    expect(rig.accounts.payers).toBe(0);
  });

  test("of requests without the header is one and the same", () => {
    const rig = new StreamRig({ costs, payerHeader });
    answer(ask(rig, ""));
    expect(dues(ask(rig, ""))).toEqual([{ tokens: 12 }]);
  });

  test("carries in parts what is more than a limiter may have", () => {
    const rig = new StreamRig({ costs, payerHeader, payerMost: 10 });
    answer(ask(rig));
    expect([dues(ask(rig)), dues(ask(rig)), dues(ask(rig))]).toEqual([[{ tokens: 10 }], [{ tokens: 2 }], []]);
  });

  test("owes again what a limiter has refused, and not what a pod has", () => {
    for (const [details, isOwed] of [
      [undefined, true],
      ["local_rate_limited", true],
      ["request_rate_limited", true],
      ["via_upstream", false],
    ] as const) {
      const rig = new StreamRig({ costs, payerHeader });
      answer(ask(rig));
      const refused = ask(rig);
      expect(dues(refused)).toEqual([{ tokens: 12 }]);
      answer(refused, "429", details);
      expect(dues(ask(rig))).toEqual(isOwed ? [{ tokens: 12 }] : []);
    }
  });

  test("still owes what a request was to carry that the picker refused", () => {
    const rig = new StreamRig({ costs, payerHeader });
    answer(ask(rig));
    asking(rig, "one").body("{");
    expect(rig.refusals).toEqual(["malformed_json"]);
    expect(dues(ask(rig))).toEqual([{ tokens: 12 }]);
  });
});
