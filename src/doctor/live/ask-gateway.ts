/** A request through the gateway, as a client would send it; one with a forged destination; and the models it lists. */
import { request } from "undici";
import type { LiveAnswer } from "./live-answers.ts";
import { modelNames } from "./model-names.ts";

export interface GatewayQuestion {
  /** http://gateway:8080, with or without a prefix of its own. */
  readonly base: string;
  /** "" asks for the first that is listed. */
  readonly model: string;
  /** Sent with every request, and never shown: a token. */
  readonly headers: Readonly<Record<string, string>>;
}

/** A model that is loading takes its time; a list of models does not. */
const ANSWER_MS = 15_000;
const LIST_MS = 3_000;
/** Of the block for documentation: nobody is there. */
const NOBODY = "192.0.2.1:9";
const destinations = ["x-gateway-destination-endpoint", "target-pod", "x-envoy-original-dst-host"];
const LONGEST_SHOWN = 160;
const LONGEST_BODY = 1024 * 1024;

export async function askGateway(question: GatewayQuestion): Promise<LiveAnswer[]> {
  const { base, headers } = question;
  const listed = await ask(`${base}/v1/models`, { headers }, LIST_MS);
  const names = modelNames(listed.body);
  const models = answerOf("models", listed.status === 200, listed, `GET ${base}/v1/models`, names.join(", "));
  const model = question.model || names[0] || "pointsman-doctor";
  const chat = { model, messages: [{ role: "user", content: "ping" }], max_tokens: 1 };
  const body = JSON.stringify(chat);
  const url = `${base}/v1/chat/completions`;
  const sent = { "content-type": "application/json", ...headers };
  const forgedHeaders = { ...sent, ...Object.fromEntries(destinations.map((name) => [name, NOBODY])) };
  const [plain, forged] = await Promise.all([
    ask(url, { headers: sent, body }, ANSWER_MS),
    ask(url, { headers: forgedHeaders, body }, ANSWER_MS),
  ]);
  return [
    answerOf("request", plain.status < 400 && plain.status > 0, plain, `POST ${url}`),
    answerOf("forged-destination", !isFooled(plain, forged), forged, `POST ${url} with a forged destination`),
    models,
  ];
}

interface Answer {
  /** 0 where there was none. */
  readonly status: number;
  readonly body: string;
  readonly error: string;
}

async function ask(
  url: string,
  { headers, body }: { headers: Record<string, string>; body?: string },
  timeoutMs: number,
): Promise<Answer> {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    const method = body === undefined ? "GET" : "POST";
    const answer = await request(url, { method, headers, signal, ...(body !== undefined && { body }) });
    return { status: answer.statusCode, body: await beginningOf(answer.body), error: "" };
  } catch (error) {
    const why = error instanceof Error ? error.message || String((error as { code?: unknown }).code) : String(error);
    return { status: 0, body: "", error: signal.aborted ? `no answer within ${timeoutMs / 1000} s` : why };
  }
}

/** Who answers without an end has answered. */
async function beginningOf(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > LONGEST_BODY) break;
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** The plain one is served, and the forged one went where nobody is. */
function isFooled(plain: Answer, forged: Answer): boolean {
  return plain.status > 0 && plain.status < 400 && [0, 502, 503, 504].includes(forged.status);
}

/** What the model wrote is nobody's business; what an error says is. */
function answerOf(
  question: string,
  isWell: boolean,
  { status, body, error }: Answer,
  asked: string,
  more = "",
): LiveAnswer {
  const words = status >= 400 ? body.replace(/\s+/g, " ").slice(0, LONGEST_SHOWN) : more;
  const outcome = status === 0 ? error : `${status}${words && ` ${words}`}`;
  return {
    question,
    isWell,
    status: status === 0 ? error : String(status),
    quote: { source: "--probe", text: `${asked}: ${outcome}` },
  };
}
