/** The routes of the admin port that explain: a decision that was made, and the one that a request would get now. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Explanation } from "../explain/explanation.ts";
import type { AskedRequest } from "../ext-proc/what-if.ts";
import type { BufferBudget } from "../request/body-buffer.ts";
import type { DecisionTrace } from "./decision-trace.ts";
import { ExplainGate, type Upload } from "./explain-gate.ts";
import { readAsked } from "./read-asked.ts";

export interface ExplainParts {
  readonly trace: DecisionTrace;
  /** "listed": no pod is picked, the picker answers with its list of models. */
  readonly explain: (asked: AskedRequest) => Explanation | "listed";
  readonly bodyLimitBytes: number;
  /** What is uploaded counts as bodies of requests do. */
  readonly budget: Pick<BufferBudget, "take" | "give">;
  /** How long an explanation took, and for how long there is a rest: by the process's clock where none is given. */
  readonly nowMs?: () => number;
}

/** Two million tokens of text; above it nobody learns more by asking. */
export const LARGEST_BYTES = 8 * 1024 * 1024;
/** An upload that takes longer is cut. */
const UPLOAD_MS = 10_000;

export function addExplainRoutes(server: FastifyInstance, parts: ExplainParts): void {
  server.get<{ Params: { id: string } }>("/debug/decisions/:id", async ({ params: { id } }, reply) => {
    const told = parts.trace.explanation(id);
    return told ?? reply.code(404).send({ error: "no such decision is kept: the latest are at /debug/decisions" });
  });
  // In a scope of its own: here bodies stay bytes, whatever kind they say they are.
  void server.register((scope, _options, ready) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
    addExplain(scope, parts);
    ready();
  });
}

function addExplain(scope: FastifyInstance, parts: ExplainParts): void {
  const { explain, bodyLimitBytes, budget, nowMs = () => performance.now() } = parts;
  const bodyLimit = Math.min(LARGEST_BYTES, bodyLimitBytes);
  const gate = new ExplainGate(budget, nowMs);
  const uploads = new WeakMap<FastifyRequest, Upload>();
  scope.addHook("onRequest", async (request, reply) => {
    const length = Number(request.headers["content-length"] ?? bodyLimit);
    const upload = gate.enter(Math.min(length, bodyLimit));
    if (typeof upload === "string") return refuse(reply, upload);
    uploads.set(request, upload);
    const timer = setTimeout(() => request.raw.destroy(), UPLOAD_MS).unref();
    request.raw.once("end", () => clearTimeout(timer));
    reply.raw.once("close", () => {
      clearTimeout(timer);
      upload.leave();
    });
  });
  scope.post<{ Querystring: { seed?: string } }>("/debug/explain", { bodyLimit }, async (request, reply) => {
    const { body, query } = request;
    const asked = gate.take(() => {
      const read = readAsked(Buffer.isBuffer(body) ? body : Buffer.alloc(0), query.seed);
      uploads.get(request)?.giveBytes();
      return "fault" in read ? read : explain(read);
    });
    if (asked === "busy") return refuse(reply, asked);
    if (asked === "listed") {
      return reply.code(400).send({ error: "the picker answers this request itself, with the list of models" });
    }
    return "fault" in asked ? reply.code(400).send({ error: asked.fault }) : asked;
  });
  scope.setErrorHandler((error: { statusCode?: number }, _request, reply) => {
    if (error.statusCode !== 413) throw error;
    return reply.code(413).send({ error: `more than ${bodyLimit} bytes: no request of this size is explained` });
  });
}

const words = {
  busy: "others are being explained: picks go first, ask again in a second",
  full: "the limit on buffered bytes is reached: --buffer-limit",
} as const;

/** What is still to come of its body is not waited for. */
function refuse(reply: FastifyReply, why: keyof typeof words): FastifyReply {
  reply.headers({ connection: "close", "retry-after": "1" });
  return reply.code(why === "busy" ? 429 : 503).send({ error: words[why] });
}
