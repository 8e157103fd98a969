/** The live probe by itself: pickers that take TLS, plaintext or both, a port of another service, and a gateway that is fooled. */
import http from "node:http";
import http2 from "node:http2";
import net, { type AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { diagnose, evidenceOf } from "../../src/doctor/diagnose.ts";
import { askGateway } from "../../src/doctor/live/ask-gateway.ts";
import { askPicker } from "../../src/doctor/live/ask-picker.ts";
import type { LiveAnswer } from "../../src/doctor/live/live-answers.ts";
import { exitCodes, outcomeOf } from "../../src/doctor/outcome.ts";
import { type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";

const wellOf = (answers: readonly LiveAnswer[]) =>
  Object.fromEntries(answers.map(({ question, isWell }) => [question, isWell]));
const statusOf = (answers: readonly LiveAnswer[], which: string) =>
  answers.find(({ question }) => question === which)?.status;

describe("askPicker", () => {
  let pods: EchoPods;

  beforeAll(async () => {
    pods = await startEchoPods(1);
  });

  afterAll(() => pods?.close());

  async function asked(
    flags: readonly string[],
    at = (picker: PickerProcess) => picker.address,
  ): Promise<LiveAnswer[]> {
    const picker = await startPicker(["--pods", pods.addresses.join(","), "--unknown-model=pass", ...flags]);
    try {
      return await askPicker(at(picker), "");
    } finally {
      await picker.kill();
    }
  }

  test.each([
    { flags: [], plain: true, tls: true },
    { flags: ["--secure-serving=false"], plain: true, tls: false },
    { flags: ["--tls-only"], plain: false, tls: true },
  ])("of a picker with $flags tells what its port takes, and gets a pick", async ({ flags, plain, tls }) => {
    const answers = await asked(flags);
    expect(wellOf(answers)).toEqual({
      "picker-plaintext": plain,
      "picker-tls": tls,
      "picker-health": true,
      pick: true,
    });
    expect(answers.find(({ question }) => question === "pick")?.quote.text).toContain(pods.addresses[0]);
  });

  test("at the port of health alone gets no pick: the service is not there", async () => {
    const answers = await asked([], (picker) => picker.healthAddress);
    expect(wellOf(answers)).toMatchObject({ "picker-health": true, pick: false });
    expect(statusOf(answers, "pick")).toBe("12");
  });

  test("that greets and then says nothing more is waited for a few seconds, not for each question", async () => {
    const silent = http2.createServer((_request, _response) => undefined);
    const sessions = new Set<http2.ServerHttp2Session>();
    silent.on("session", (session) => sessions.add(session));
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const started = performance.now();
    const answers = await askPicker(`127.0.0.1:${(silent.address() as AddressInfo).port}`, "");
    expect(performance.now() - started).toBeLessThan(10_000);
    for (const session of sessions) session.destroy();
    silent.close();
    const picked = { "picker-plaintext": true, "picker-tls": false, "picker-health": false, pick: false };
    expect(wellOf(answers)).toEqual(picked);
    const given = { ...evidenceOf([]), live: { asked: answers } };
    expect(outcomeOf(diagnose(given), given)).not.toBe("well");
  });

  test("where nobody listens says so of both, and why: row 12", async () => {
    const answers = await askPicker("127.0.0.1:1", "");
    expect(answers.map(({ question, status }) => [question, status])).toEqual([
      ["picker-plaintext", "ECONNREFUSED"],
      ["picker-tls", "ECONNREFUSED"],
    ]);
    const given = { ...evidenceOf([]), live: { asked: answers } };
    const verdict = diagnose(given);
    expect([verdict.first?.row.row, outcomeOf(verdict, given)]).toEqual([12, "broken"]);
    expect(verdict.first?.evidence[0].source).toBe("127.0.0.1:1");
  });

  test("of a port that takes connections and greets nobody is no verdict, and not well", async () => {
    const mute = net.createServer();
    const { promise, resolve } = Promise.withResolvers<void>();
    mute.listen(0, "127.0.0.1", resolve);
    await promise;
    const answers = await askPicker(`127.0.0.1:${(mute.address() as AddressInfo).port}`, "");
    mute.close();
    expect(answers.map(({ status }) => status)).toEqual(["UNAVAILABLE", "UNAVAILABLE"]);
    const given = { ...evidenceOf([]), live: { asked: answers } };
    expect(outcomeOf(diagnose(given), given)).toBe("unknown");
  });
});

describe("askGateway", () => {
  const seen: string[] = [];
  let answer: (headers: http.IncomingHttpHeaders, path: string) => number = () => 200;
  const server = http.createServer((request, response) => {
    seen.push(`${request.method} ${request.url} ${request.headers.authorization ?? ""}`);
    response.statusCode = answer(request.headers, request.url ?? "");
    response.end(request.url?.endsWith("/models") ? '{"data":[{"id":"llama"}]}' : "words of the model");
  });
  const question = () => ({
    base: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    model: "",
    headers: { authorization: "Bearer canary" },
  });
  const evidence = (asked: readonly LiveAnswer[]) => ({ ...evidenceOf([]), live: { asked } });

  beforeAll(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve)));
  afterAll(() => server.close());

  test("of one that is well: every answer is, and neither token nor words are in what is kept", async () => {
    const answers = await askGateway(question());
    expect(wellOf(answers)).toEqual({ request: true, "forged-destination": true, models: true });
    expect(JSON.stringify(answers)).not.toMatch(/canary|words of the model/);
    expect(seen.every((each) => each.endsWith(" Bearer canary"))).toBe(true);
    const given = evidence(answers);
    expect(exitCodes[outcomeOf(diagnose(given), given)]).toBe(0);
  });

  test("of one that follows a forged destination: row 43", async () => {
    answer = (headers) => ("x-gateway-destination-endpoint" in headers ? 503 : 200);
    const answers = await askGateway(question());
    expect(wellOf(answers)).toMatchObject({ request: true, "forged-destination": false });
    expect(diagnose(evidence(answers)).first?.row.row).toBe(43);
  });

  test("of one that fails every request: no verdict, and by no means well", async () => {
    answer = (_headers, path) => (path.endsWith("/models") ? 200 : 503);
    const given = evidence(await askGateway(question()));
    expect(diagnose(given).first).toBeUndefined();
    expect(outcomeOf(diagnose(given), given)).toBe("unknown");
  });

  test("of one that answers without an end: it answered", async () => {
    const endless = http.createServer((_request, response) => {
      const more = () => {
        while (!response.destroyed && response.write("a".repeat(65_536)));
        response.once("drain", more);
      };
      more();
    });
    await new Promise<void>((resolve) => endless.listen(0, "127.0.0.1", resolve));
    const base = `http://127.0.0.1:${(endless.address() as AddressInfo).port}`;
    expect(wellOf(await askGateway({ base, model: "", headers: {} }))).toMatchObject({ request: true });
    endless.closeAllConnections();
    endless.close();
  });
});
