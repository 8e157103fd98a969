import fastify from "fastify";
import { expect, test } from "vitest";
import {
  addHeaders,
  addStatusRoutes,
  refuseForeignNames,
  refuseForeignPages,
  sendPage,
  wantsPage,
} from "../../../../src/observe/status/status-routes.ts";

function serverAt(adminAddress: string) {
  const server = fastify();
  refuseForeignNames(server, adminAddress);
  addHeaders(server);
  server.get("/", async (_request, reply) => sendPage(reply));
  addStatusRoutes(server, {
    status: () => ({ fine: true }),
    config: () => ({ options: [], profiles: [], reload: null }),
  });
  return server;
}

const local = () => serverAt("127.0.0.1");

test("the page may load nothing but its own files, is kept by nobody and framed by nobody", async () => {
  const { statusCode, headers, body } = await local().inject("/");
  expect(statusCode).toBe(200);
  expect(headers["content-type"]).toBe("text/html; charset=utf-8");
  expect(headers["cache-control"]).toBe("no-store");
  expect(headers["content-security-policy"]).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
  expect(headers["content-security-policy"]).toContain("frame-ancestors 'none'");
  expect(headers["x-content-type-options"]).toBe("nosniff");
  // The policy refuses what stands in the page itself.
  expect(body).not.toMatch(/<script>|<style|style="|onclick|https?:/);
});

test("every file that the page names is served with its kind, and no other", async () => {
  const server = local();
  const page = (await server.inject("/")).body;
  const named = [...page.matchAll(/(?:href|src)="(status\/[\w.-]+)"/g)].map(([, path]) => path);
  expect(named.length).toBeGreaterThan(4);
  for (const path of named) {
    const { statusCode, headers } = await server.inject(`/${path}`);
    expect([path, statusCode]).toEqual([path, 200]);
    expect(headers["content-type"]).toMatch(/^(text\/(css|javascript); charset=utf-8|image\/svg\+xml)$/);
  }
  for (const path of ["/status/no.js", "/status/..%2fhealth.ts", "/status/%2e%2e%2fstatus-routes.ts", "/status/"]) {
    expect((await server.inject(path)).statusCode).toBe(404);
  }
});

test("the numbers are JSON that nobody keeps", async () => {
  const { headers, body } = await local().inject("/debug/status");
  expect([headers["cache-control"], body]).toEqual(["no-store", '{"fine":true}']);
  expect((await local().inject("/debug/config")).json()).toEqual({ options: [], profiles: [], reload: null });
});

test.each([
  ["127.0.0.1:9091", 200],
  ["[::1]:9091", 200],
  ["localhost:9091", 200],
  ["evil.example:9091", 403],
  ["localhost.evil.example", 403],
])("on loopback a request for the host %s gets %i: names of elsewhere could be anybody's", async (host, status) => {
  const { statusCode } = await local().inject({ url: "/debug/status", headers: { host } });
  expect(statusCode).toBe(status);
});

test("an admin port that is open on purpose answers by any name", async () => {
  const { statusCode } = await serverAt("0.0.0.0").inject({
    url: "/debug/status",
    headers: { host: "picker.example" },
  });
  expect(statusCode).toBe(200);
});

test.each([
  ["text/html,application/xhtml+xml;q=0.9", true],
  ["*/*", false],
  ["application/json", false],
  [undefined, false],
])("wantsPage of accept %j is %s", (accept, isPage) => {
  expect(wantsPage(accept)).toBe(isPage);
});

test.each([
  [{}, 200],
  [{ origin: "http://127.0.0.1:9091", "sec-fetch-site": "same-origin" }, 200],
  [{ origin: "https://evil.example" }, 403],
  [{ origin: "null" }, 403],
  [{ origin: "http://127.0.0.1:8080", "sec-fetch-site": "same-site" }, 403],
  [{ "sec-fetch-site": "cross-site" }, 403],
])("what changes or costs something is not taken from the page of another: %j is %i", async (headers, status) => {
  const server = fastify();
  refuseForeignPages(server);
  server.all("/", async () => "done");
  const all = { url: "/", headers: { host: "127.0.0.1:9091", ...headers } };
  for (const method of ["POST", "PUT", "DELETE"] as const) {
    expect((await server.inject({ ...all, method })).statusCode).toBe(status);
  }
  expect((await server.inject({ ...all, method: "GET" })).statusCode).toBe(200);
});
