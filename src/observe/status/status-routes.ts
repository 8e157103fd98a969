/** The status page and what feeds it, on the admin port: a few small files, read once, and two objects. */
import { readdirSync, readFileSync } from "node:fs";
import { isIP } from "node:net";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import type { FastifyInstance, FastifyReply } from "fastify";
import type { ConfigView } from "./config-view.ts";

export interface StatusRoutes {
  readonly status: () => object;
  readonly config: () => ConfigView;
}

const folder = fileURLToPath(new URL("page", import.meta.url));
const PAGE = "index.html";
const contentTypes: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** Nothing but the page's own files, and nobody may frame it: what it shows is for the one who opened it. */
const contentPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const headers = {
  "content-security-policy": contentPolicy,
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
};

/** The files are read when the first is asked for: a picker that nobody looks at keeps none. */
export function addStatusRoutes(server: FastifyInstance, { status, config }: StatusRoutes): void {
  let files: ReadonlyMap<string, Buffer> | undefined;
  server.get<{ Params: { file: string } }>("/status/:file", async ({ params: { file } }, reply) => {
    files ??= readPage();
    const bytes = files.get(file);
    if (bytes === undefined) return reply.callNotFound();
    return send(reply, file, bytes);
  });
  server.get("/debug/status", async () => status());
  server.get("/debug/config", async () => config());
}

/** The page itself, for those that ask for HTML. */
export function sendPage(reply: FastifyReply): FastifyReply {
  return send(reply, PAGE, readFileSync(`${folder}/${PAGE}`));
}

/** A browser says so first; curl takes anything. */
export function wantsPage(accept: string | undefined): boolean {
  return accept?.includes("text/html") === true;
}

/**
 * On loopback only names of loopback are answered: a page from elsewhere could point its own name at this address, and read
 * everything as if it came from there.
 */
export function refuseForeignNames(server: FastifyInstance, adminAddress: string): void {
  if (!isLoopback(adminAddress)) return;
  server.addHook("onRequest", async ({ host }, reply) => {
    const name = host.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
    if (isIP(name) !== 0 || name === "" || name === "localhost" || name.endsWith(".localhost")) return;
    return reply.code(403).send({ error: "this port is asked by an IP address or as localhost" });
  });
}

/**
 * What changes something, or costs something, is not taken from the page of another: browsers send such requests for any
 * page, and say whose it is. Programs that are no browsers say nothing of it.
 */
export function refuseForeignPages(server: FastifyInstance): void {
  server.addHook("onRequest", async ({ method, headers: { origin, host }, headers: said }, reply) => {
    if (method === "GET" || method === "HEAD") return;
    const site = said["sec-fetch-site"];
    const isOwn = origin === undefined || origin === `http://${host}` || origin === `https://${host}`;
    if (isOwn && site !== "cross-site" && site !== "same-site") return;
    return reply.code(403).header("connection", "close").send({ error: "asked by the page of another origin" });
  });
}

/** Nothing of the admin port is kept by a browser, nor guessed at. */
export function addHeaders(server: FastifyInstance): void {
  server.addHook("onSend", async (_request, reply) => {
    reply.headers(headers);
  });
}

function isLoopback(address: string): boolean {
  return address.startsWith("127.") || address === "::1";
}

function readPage(): Map<string, Buffer> {
  const names = readdirSync(folder).filter((name) => extname(name) in contentTypes);
  return new Map(names.map((name) => [name, readFileSync(`${folder}/${name}`)]));
}

function send(reply: FastifyReply, file: string, bytes: Buffer): FastifyReply {
  return reply.type(contentTypes[extname(file)] ?? "").send(bytes);
}
