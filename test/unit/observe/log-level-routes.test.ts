import fastify, { type FastifyInstance } from "fastify";
import { beforeEach, expect, test } from "vitest";
import { Logs } from "../../../src/observe/log.ts";
import { addLogLevelRoutes } from "../../../src/observe/log-level-routes.ts";

const PATH = "/debug/log-level";
let logs: Logs;
let server: FastifyInstance;

beforeEach(() => {
  logs = new Logs({ verbosity: 2, destination: { write: () => {} } });
  server = fastify();
  addLogLevelRoutes(server, logs);
});

const put = (payload: object, query = "") => server.inject({ method: "PUT", url: `${PATH}${query}`, payload });

test("PUT /debug/log-level changes one component, by word or number, and tells all", async () => {
  const reply = await put({ component: "scrape", level: "debug" });
  expect(reply.statusCode).toBe(200);
  expect(reply.json()).toMatchObject({ scrape: { level: "debug", configured: "info" }, pods: { level: "info" } });
  await put({ component: "scrape", level: 5 });
  expect(logs.of("scrape").level).toBe("trace");
  expect((await server.inject(PATH)).json()).toEqual(logs.levels());
});

test("PUT /debug/log-level without a component is for all, and may be a query", async () => {
  const reply = await server.inject({ method: "PUT", url: `${PATH}?level=4` });
  expect(reply.statusCode).toBe(200);
  const levels = Object.values(logs.levels()).map(({ level }) => level);
  expect([levels.length > 5, new Set(levels)]).toEqual([true, new Set(["debug"])]);
});

test("PUT /debug/log-level with null or configured takes the wish back", async () => {
  for (const level of [null, "configured"]) {
    await put({ level: "error" });
    expect(logs.of("pods").level).toBe("error");
    await put({ component: "pods", level });
    expect(logs.of("pods").level).toBe("info");
    expect(logs.of("scrape").level).toBe("error");
  }
});

test.each([
  [{ component: "scrap", level: "debug" }, "expected component: one of all, picker, config"],
  [{ component: "scrape", level: "xyzzy" }, "expected level: one of error, warn, info, debug, trace, 0 to 5"],
  [{ component: "scrape" }, "expected level"],
  [{ component: "__proto__", level: 1 }, "expected component"],
  [{ component: "scrape", level: 9 }, "expected level"],
])("PUT /debug/log-level refuses %j, says what is right and repeats nothing", async (payload, said) => {
  const reply = await put(payload);
  expect(reply.statusCode).toBe(400);
  expect(reply.json().error).toContain(said);
  expect(reply.body).not.toContain("xyzzy");
});
