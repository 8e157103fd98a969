/** The picker's port, tried as Envoy would: plaintext and TLS, its health, and one real pick. */
import { connectExtProc, type ExtProcClient, type ExtProcTarget } from "../../ext-proc/client.ts";
import { headerMap, mutatedHeaders, type ProcessingResponse } from "../../ext-proc/messages.ts";
import type { LiveAnswer } from "./live-answers.ts";
import { modelNames } from "./model-names.ts";
import { reachPort } from "./reach-port.ts";

const READY_MS = 2_000;
const ANSWER_MS = 2_500;
/** Without it the pick names a model of nobody's, and that has an answer too. */
const MODEL_MS = 1_000;
const SERVICES = ["envoy.service.ext_proc.v3.ExternalProcessor", "inference-extension", ""];

/** `address` is host:port or unix:/path. Without a model the picker may answer that it knows none such: an answer too. */
export async function askPicker(address: string, model: string): Promise<LiveAnswer[]> {
  const overTls = tryPort("picker-tls", { address, tls: {} });
  const plain = await tryPort("picker-plaintext", { address });
  // One that takes plaintext is asked at once: what TLS comes to may take its time.
  const isTls = !plain.isWell && (await overTls).isWell;
  if (!plain.isWell && !isTls) return [plain, await overTls];
  const target: ExtProcTarget = isTls ? { address, tls: {} } : { address };
  const client = connectExtProc(target);
  try {
    const picked = async () => askPick(client, address, model || (await askModel(client)));
    const [health, pick] = await Promise.all([askHealth(client, address), picked()]);
    return [plain, await overTls, health, pick];
  } finally {
    client.close();
  }
}

/** A connection that stands has greeted with HTTP/2 settings: an open TCP port alone is none. */
async function tryPort(question: string, target: ExtProcTarget): Promise<LiveAnswer> {
  const client = connectExtProc(target);
  const words = question === "picker-tls" ? "TLS" : "plaintext HTTP/2";
  try {
    await client.ready(READY_MS);
    return answerOf(question, true, "OK", target.address, `takes ${words}`);
  } catch {
    const reached = await reachPort(target.address, READY_MS);
    const status = reached === "OPEN" ? "UNAVAILABLE" : reached;
    const why = reached === "OPEN" ? "a connection stands, and no greeting comes" : reached;
    return answerOf(question, false, status, target.address, `takes no ${words} within ${READY_MS / 1000} s: ${why}`);
  } finally {
    client.close();
  }
}

async function askHealth(client: ExtProcClient, address: string): Promise<LiveAnswer> {
  const said: string[] = [];
  const statuses = SERVICES.map((service) =>
    client.checkHealth(service, ANSWER_MS).catch((error: unknown) => wordsOf(error)),
  );
  for (const [at, service] of SERVICES.entries()) {
    const status = (await statuses[at]) ?? "";
    const name = service === "" ? "the server as a whole" : service;
    if (status === "SERVING") return answerOf("picker-health", true, status, address, `health of ${name}: SERVING`);
    said.push(`${name}: ${status}`);
    // A port without a health service says so for every name.
    if (/UNIMPLEMENTED/.test(status)) break;
  }
  const isWithout = said.some((each) => /UNIMPLEMENTED/.test(each));
  const status = isWithout ? "UNIMPLEMENTED" : "NOT_SERVING";
  // Many pickers have it at a port of its own.
  return answerOf("picker-health", isWithout, status, address, `health: ${said.join("; ")}`);
}

/** Pickers that answer GET /v1/models themselves name one; the others need none. */
async function askModel(client: ExtProcClient): Promise<string> {
  const stream = client.process();
  try {
    const headers = { ":method": "GET", ":path": "/v1/models", ":authority": "pointsman-doctor" };
    stream.send({ request_headers: { headers: headerMap(headers), end_of_stream: true } });
    const reply = await within(stream.reply(), MODEL_MS);
    return modelNames(reply?.immediate_response?.body?.toString("utf8") ?? "")[0] ?? "pointsman-doctor";
  } catch {
    return "pointsman-doctor";
  } finally {
    stream.cancel();
  }
}

/** As a filter with bodies in pieces would: headers first, the answer to them, then the body. */
async function askPick(client: ExtProcClient, address: string, model: string): Promise<LiveAnswer> {
  const stream = client.process();
  const body = Buffer.from(JSON.stringify({ model, messages: [{ role: "user", content: "ping" }], max_tokens: 1 }));
  const headers = {
    ":method": "POST",
    ":path": "/v1/chat/completions",
    ":authority": "pointsman-doctor",
    "content-type": "application/json",
    "content-length": String(body.length),
  };
  try {
    stream.send({
      request_headers: { headers: headerMap(headers) },
      protocol_config: { request_body_mode: "BUFFERED", response_body_mode: "NONE" },
    });
    const first = await within(stream.reply());
    if (first === undefined) return endOf(await within(stream.ended), address);
    if (first.immediate_response !== undefined) return refusalOf(first, address);
    stream.send({ request_body: { body, end_of_stream: true } });
    const second = await within(stream.reply());
    if (second === undefined) return endOf(await within(stream.ended), address);
    if (second.immediate_response !== undefined) return refusalOf(second, address);
    const picked = [...mutatedHeaders(first), ...mutatedHeaders(second)].find(([, value]) =>
      /^\[?[\w.:]+\]?:\d+/.test(value),
    );
    const isPicked = picked !== undefined || second.dynamic_metadata !== undefined;
    const text = picked === undefined ? "an answer without an address in its headers" : `${picked[0]}: ${picked[1]}`;
    return answerOf("pick", isPicked, isPicked ? "OK" : "NO_ADDRESS", address, `one pick: ${text}`);
  } catch (error) {
    return answerOf("pick", false, "DEADLINE_EXCEEDED", address, `one pick: ${wordsOf(error)}`);
  } finally {
    stream.cancel();
  }
}

function refusalOf({ immediate_response: refusal }: ProcessingResponse, address: string): LiveAnswer {
  const status = String(refusal?.status?.code ?? "");
  const details = refusal?.details ?? "";
  return answerOf("pick", false, status, address, `one pick: refused with ${status}${details && ` (${details})`}`);
}

function endOf({ code, details }: { code: number; details: string }, address: string): LiveAnswer {
  return answerOf("pick", false, String(code), address, `one pick: the stream ended with gRPC ${code} ${details}`);
}

async function within<T>(work: Promise<T>, ms = ANSWER_MS): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no answer within ${ms / 1000} s`)), ms);
  try {
    return await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
}

function answerOf(question: string, isWell: boolean, status: string, source: string, text: string): LiveAnswer {
  return { question, isWell, status, quote: { source, text } };
}
