/**
 * Words that must never come out: a prompt and a key, put into requests, answers, pages of pods and settings wherever
 * people put them. And one word that may, the name of a model, which shows that a search finds what is there.
 */
import { brotliCompressSync, gzipSync, zstdCompressSync } from "node:zlib";
import type { ProcessingRequest } from "../../src/ext-proc/messages.ts";
import { headerMap } from "../../src/ext-proc/messages.ts";
import { GENERATE_PATH, generateCall } from "./vllm-grpc.ts";

export const PROMPT = "canary-prompt-7f3a91c2";
export const KEY = "canary-key-5be204d8";
export const MODEL = "canary-model-e19b";

/** A secret as it is, in any case, and as encoders write it. */
function formsOf(secret: string): RegExp {
  const bytes = Buffer.from(secret);
  // A text in the midst of others may begin at any of three bits; what its neighbours colour is left out.
  const base64 = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    return text
      .slice(shift === 0 ? 0 : shift + 1, -2)
      .replaceAll("+", "[+-]")
      .replaceAll("/", "[/_]");
  });
  return new RegExp([secret, bytes.toString("hex"), ...base64].join("|"), "i");
}

const forms = [PROMPT, KEY].map((secret) => [secret, formsOf(secret)] as const);

/** Where a secret stands in these texts: the name of the text, the secret, and what is around it. */
export function leaksIn(surfaces: Readonly<Record<string, string>>): string[] {
  return Object.entries(surfaces).flatMap(([name, text]) =>
    forms.flatMap(([secret, form]) => {
      const at = text.search(form);
      return at === -1 ? [] : [`${name}: ${secret}: ${text.slice(Math.max(at - 200, 0), at + 80)}`];
    }),
  );
}

type Random = () => number;
type Body = readonly [path: string, contentType: string, body: Buffer, headers?: Readonly<Record<string, string>>];

const chat = "/v1/chat/completions";
const json = "application/json";
const users = {
  user: KEY,
  api_key: KEY,
  safety_identifier: KEY,
  cache_salt: KEY,
  metadata: { authorization: `Bearer ${KEY}`, cookie: KEY },
};
const of = (value: object) => Buffer.from(JSON.stringify({ model: MODEL, ...value }));
const plainChat = of({ messages: [{ role: "user", content: PROMPT }], ...users });
const longChat = of({ messages: [{ role: "system", content: `${PROMPT} `.repeat(200) }], tools: [{ name: PROMPT }] });
const values = { model: MODEL, prompt: PROMPT, user: KEY };
const partOf = (boundary: string, name: string, value: string) =>
  `--${boundary}\r\nContent-Disposition: form-data; name="${name}"; filename="${PROMPT}"\r\n\r\n${value}\r\n`;
const formOf = (boundary: string) =>
  Buffer.from(
    `${Object.entries(values)
      .map((pair) => partOf(boundary, ...pair))
      .join("")}--${boundary}--\r\n`,
  );

/** What clients send, well-formed and not. */
const bodies: readonly ((random: Random) => Body)[] = [
  () => [chat, json, plainChat],
  () => [chat, json, longChat],
  () => ["/v1/completions", json, of({ prompt: [PROMPT, PROMPT], ...users })],
  () => ["/v1/embeddings", json, of({ input: [PROMPT] })],
  () => ["/v1/responses", json, of({ input: PROMPT, instructions: PROMPT })],
  () => [
    "/v1/messages",
    json,
    of({ system: PROMPT, messages: [{ role: "user", content: [{ type: "text", text: PROMPT }] }] }),
  ],
  (random) => [chat, json, plainChat.subarray(0, Math.floor(random() * plainChat.length))],
  (random) => [chat, json, longChat.subarray(Math.floor(random() * longChat.length))],
  () => [chat, json, Buffer.from(`${PROMPT} is no JSON {"api_key":"${KEY}"}`)],
  () => [chat, json, Buffer.from(`{"model":{"${PROMPT}":"${KEY}"},"messages":"${PROMPT}"}`)],
  () => [chat, json, Buffer.from(`{"messages":[{"content":"${PROMPT}"}],"user":"${KEY}"}`)],
  () => ["/v1/completions", json, Buffer.from(`{"model":"${MODEL}","prompt":{"${PROMPT}":["${KEY}"]}}`)],
  () => ["/v1/completions", json, Buffer.from(`{"model":"${MODEL}","prompt":"${PROMPT}","prompt":"${KEY}"} ${PROMPT}`)],
  () => [chat, json, Buffer.concat([plainChat.subarray(0, 60), Buffer.from([0xff, 0xfe, 0]), plainChat.subarray(60)])],
  () => [chat, json, Buffer.from(`{"model":"${MODEL}","messages":${"[".repeat(3_000)}"${PROMPT}"`)],
  () => [chat, json, gzipSync(plainChat), { "content-encoding": "gzip" }],
  () => [chat, json, gzipSync(longChat).subarray(0, 60), { "content-encoding": "gzip" }],
  () => [chat, json, plainChat, { "content-encoding": "gzip" }],
  () => [chat, json, brotliCompressSync(plainChat), { "content-encoding": "br" }],
  () => [chat, json, zstdCompressSync(plainChat), { "content-encoding": "zstd" }],
  () => [chat, json, plainChat, { "content-encoding": `x-${KEY}` }],
  () => [chat, json, of({ messages: PROMPT.repeat(4_000) })],
  () => ["/v1/audio/transcriptions", "multipart/form-data; boundary=b", formOf("b")],
  () => ["/v1/audio/transcriptions", `multipart/form-data; boundary=${KEY}`, formOf("b")],
  () => ["/v1/audio/transcriptions", "multipart/form-data; boundary=b", formOf("b").subarray(0, 150)],
  () => [GENERATE_PATH, "application/grpc", generateCall({ text: PROMPT })],
  () => [GENERATE_PATH, "application/grpc", Buffer.from(`\0\0\0\0\x10${PROMPT}`)],
  () => [`/${PROMPT}`, "text/plain", Buffer.from(`${PROMPT} ${KEY}`)],
  () => [`/v1/models/${KEY}`, json, Buffer.from(PROMPT)],
];

const secretHeaders = {
  authorization: `Bearer ${KEY}`,
  "proxy-authorization": `Basic ${Buffer.from(`me:${KEY}`).toString("base64")}`,
  "api-key": KEY,
  "x-api-key": KEY,
  "x-goog-api-key": KEY,
  cookie: `session=${KEY}; prompt=${PROMPT}`,
  referer: `https://${KEY}@chat.example/?q=${PROMPT}`,
} as const;

/** What a client asks, as headers and body. */
export interface CanaryCall {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export function canaryCall(random: Random): CanaryCall {
  const [path, contentType, body, more] = pick(bodies, random)(random);
  // gRPC has no queries, and Envoy's own spans tell the whole path of such calls.
  const query = contentType !== "application/grpc" && random() < 0.5 ? `?api_key=${KEY}&q=${PROMPT}` : "";
  return { path: path + query, headers: { ...secretHeaders, "content-type": contentType, ...more }, body };
}

const modes = [
  { request_body_mode: "BUFFERED", response_body_mode: "NONE" },
  { request_body_mode: "BUFFERED", response_body_mode: "STREAMED" },
  { request_body_mode: "STREAMED", response_body_mode: "BUFFERED" },
  { request_body_mode: "FULL_DUPLEX_STREAMED", response_body_mode: "FULL_DUPLEX_STREAMED" },
] as const;

/** The messages of one stream, as Envoy would send them; a Buffer is no message at all. */
export function canaryStream(random: Random, traceparent: string): (ProcessingRequest | Buffer)[] {
  const { path, headers, body } = canaryCall(random);
  const mode = pick(modes, random);
  const fields = { ":method": "POST", ":path": path, ":authority": `${KEY}@chat.example`, ...headers, traceparent };
  const first: ProcessingRequest = { request_headers: { headers: headerMap(fields) }, protocol_config: mode };
  const middle = Math.floor(random() * body.length);
  const whole: ProcessingRequest[] = [{ request_body: { body, end_of_stream: true } }];
  const halves: ProcessingRequest[] = [
    { request_body: { body: body.subarray(0, middle), end_of_stream: false } },
    { request_body: { body: body.subarray(middle), end_of_stream: true } },
  ];
  const sent = [first, ...(mode.request_body_mode === "BUFFERED" ? whole : halves)];
  const fate = random();
  if (fate < 0.03) return [first, Buffer.from(`\xff${PROMPT}${KEY}`, "latin1")];
  if (fate < 0.06) return [first, first];
  if (fate < 0.1) return [first];
  return mode.response_body_mode === "NONE" ? sent : [...sent, ...answer(random)];
}

/** What pods answer: events, whole answers and errors, with usage that can be read and that cannot. */
function answer(random: Random): ProcessingRequest[] {
  const isStream = random() < 0.5;
  const status = random() < 0.7 ? "200" : pick(["400", "401", "500"], random);
  const type = isStream ? "text/event-stream" : json;
  const headers = { ":status": status, "content-type": type, "set-cookie": `s=${KEY}`, "x-echo": `Bearer ${KEY}` };
  const usage = random() < 0.5 ? `{"prompt_tokens":12,"completion_tokens":3}` : `{"prompt_tokens":"${PROMPT}"`;
  const text = `{"model":"${MODEL}","choices":[{"delta":{"content":"${PROMPT}"}}],"error":"bad key ${KEY}","usage":${usage}}`;
  const body = Buffer.from(isStream ? `data: ${text}\n\n: ${PROMPT}\n\ndata: [DONE]\n\n` : text);
  return [
    { response_headers: { headers: headerMap(headers) } },
    { response_body: { body: body.subarray(0, 40), end_of_stream: false } },
    { response_body: { body: body.subarray(40), end_of_stream: true } },
  ];
}

function pick<T>(list: readonly T[], random: Random): T {
  const found = list[Math.floor(random() * list.length)];
  if (found === undefined) throw new Error("the list is empty");
  return found;
}
