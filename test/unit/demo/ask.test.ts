import { Agent, createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { ask, type Message } from "../../../src/demo/ask.ts";
import { startFakePod } from "../../../src/engine-model/fake-pod.ts";

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

const question: Message[] = [{ role: "user", content: "Which pod am I on?" }];
const never = new AbortController().signal;

/** A server whose answer the test writes. */
async function serve(answer: (response: ServerResponse) => void): Promise<number> {
  const server = createServer((request, response) => {
    request.resume().once("end", () => answer(response));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stops.push(async () => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const target = (port: number) => ({ port, model: "m", agent: new Agent({ keepAlive: false }) });

test("ask tells text, usage, pod and the time of the first token of a whole answer", async () => {
  const pod = await startFakePod({ name: "pod-7", model: "m", speed: 20, answerTokens: [5, 5] });
  stops.push(() => pod.stop());
  const answer = await ask(target(Number(pod.address.split(":")[1])), question, never);
  expect(answer).toMatchObject({ fault: undefined, pod: "pod-7", cachedTokens: 0 });
  expect(answer.text.split(" ")).toHaveLength(5);
  expect(answer.promptTokens).toBeGreaterThan(4);
  expect(answer.ttftMs).toBeGreaterThan(0);
});

test("ask reads events that arrive in pieces, and multi-byte text", async () => {
  const port = await serve((response) => {
    const bytes = Buffer.from('data: {"choices":[{"delta":{"content":"grün"}}]}\n\ndata: [DONE]\n\n');
    response.writeHead(200);
    // In the middle of the umlaut.
    const cut = bytes.indexOf("ü") + 1;
    response.write(bytes.subarray(0, cut));
    setImmediate(() => response.end(bytes.subarray(cut)));
  });
  expect(await ask(target(port), question, never)).toMatchObject({ fault: undefined, text: "grün", pod: undefined });
});

test("ask reports an answer that ends before [DONE]", async () => {
  const port = await serve((response) => response.end('data: {"choices":[{"delta":{"content":"a"}}]}\n\n'));
  expect((await ask(target(port), question, never)).fault).toBe("the answer broke off");
});

test("ask reports a connection that is cut in the middle", async () => {
  const port = await serve((response) => {
    response.write("data: {}\n\n", () => response.destroy());
  });
  expect((await ask(target(port), question, never)).fault).toBeTypeOf("string");
});

test("ask reports a status other than 200 with the words that came", async () => {
  const port = await serve((response) => response.writeHead(503).end("no pod"));
  expect((await ask(target(port), question, never)).fault).toBe("HTTP 503: no pod");
});

test("ask reports that nobody listens", async () => {
  const port = await serve(() => undefined);
  await stops.pop()?.();
  expect((await ask(target(port), question, never)).fault).toContain("ECONNREFUSED");
});

test("ask ends with its signal", async () => {
  const leave = new AbortController();
  const port = await serve(() => leave.abort());
  expect((await ask(target(port), question, leave.signal)).fault).toBeTypeOf("string");
});
