/** The HTTP server of a fake pod: takes a request whole, then finds its route, or reads and sets the switches. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type ApiError, methodNotAllowed, notFound, notJson } from "./api-errors.ts";
import { type PodLife, routes, sendError, sendJson } from "./pod-routes.ts";
import { readJsonObject } from "./read-call.ts";
import { readSwitchPatch } from "./switches.ts";

const switchesPath = "/fake/switches";

/** What the server is told by the pod it belongs to. */
export interface PodServerOptions {
  /** Read per answer, as the default name contains the port. */
  readonly name: () => string;
  readonly life: PodLife;
  /** POST /fake/switches asked for the pod's death, and for its return after so many milliseconds. */
  readonly onRefuse: (reviveAfterMs: number | null) => void;
}

/** Not listening yet. */
export function createPodServer(options: PodServerOptions): Server {
  const server = createServer((request, answer) => receive(options, request, answer));
  // Idle connections are the proxy's to close: a pod that closes first races with the next request.
  server.keepAliveTimeout = 0;
  return server;
}

function receive(options: PodServerOptions, request: IncomingMessage, answer: ServerResponse): void {
  answer.setHeader("server", "fake-pod");
  answer.setHeader("vary", "Origin");
  answer.setHeader("x-fake-pod", options.name());
  const path = (request.url ?? "/").split("?", 1)[0] ?? "/";
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  // The whole body first, also for a refusal: a client that is still sending would not read it.
  request.once("end", () => {
    const body = Buffer.concat(chunks).toString();
    if (path === switchesPath) answerSwitches(options, request.method, body, answer);
    else if (!options.life.switches.hang) answerRoute(options.life, path, request, body, answer);
  });
  // A client that leaves half-way has nothing to be told.
  request.once("error", () => answer.destroy());
}

/** Counted when the answer is out or the client gone. */
function answerRoute(
  life: PodLife,
  path: string,
  request: IncomingMessage,
  body: string,
  answer: ServerResponse,
): void {
  const route = routes.get(path);
  const method = request.method ?? "GET";
  const startedMs = performance.now();
  answer.once("close", () => {
    life.http.count({
      route: route === undefined ? "none" : path,
      method,
      status: answer.statusCode,
      requestBytes: Number(request.headers["content-length"] ?? 0),
      responseBytes: Number(answer.getHeader("content-length") ?? 0),
      seconds: (performance.now() - startedMs) / 1000,
    });
  });
  if (route === undefined) sendError(answer, notFound);
  else if (route.method !== method) sendError(answer, methodNotAllowed(route.method));
  else if (method === "POST" && !isJson(request)) sendError(answer, notJson);
  else route.answer(life, body, answer);
}

/** As vLLM reads it: parameters such as a charset aside. */
function isJson({ headers }: IncomingMessage): boolean {
  return headers["content-type"]?.toLowerCase().split(";", 1)[0] === "application/json";
}

/** GET reads, POST changes, both answer with the switches as they are then. */
function answerSwitches(
  options: PodServerOptions,
  method: string | undefined,
  body: string,
  answer: ServerResponse,
): void {
  const error = method === "GET" ? null : setSwitches(options, method, body, answer);
  if (error !== null) sendError(answer, error);
  else sendJson(answer, 200, options.life.switches);
}

function setSwitches(
  { life, onRefuse }: PodServerOptions,
  method: string | undefined,
  body: string,
  answer: ServerResponse,
): ApiError | null {
  if (method !== "POST") return methodNotAllowed("GET, POST");
  const parsed = readJsonObject(body);
  if ("error" in parsed) return parsed.error;
  const patch = readSwitchPatch(parsed.value);
  if ("faults" in patch) return { status: 400, body: { error: { message: patch.faults.join("; ") } } };
  Object.assign(life.switches, patch.switches);
  if (patch.refuse) {
    // The answer leaves before the pod dies.
    answer.setHeader("connection", "close");
    answer.once("close", () => onRefuse(patch.reviveAfterMs));
  }
  return null;
}
