import { expect, test } from "vitest";
import { metricsServer } from "../../../src/observe/http-servers.ts";
import { Metrics } from "../../../src/observe/metrics.ts";

const ready = () => ({ ready: true, sentence: "serves" });

test("metricsServer sends the page while it is still being written", async () => {
  const metrics = new Metrics("1.0.0");
  const server = metricsServer(metrics, ready);
  const { promise: seen, resolve: see } = Promise.withResolvers<void>();
  let isSeen = false;
  /** The first of the page is read before the last of it is made. */
  const parts = async function* () {
    yield "first 1\n";
    await seen;
    isSeen = true;
    yield "last 1\n";
  };
  Object.assign(metrics, { parts });
  const at = await server.listen({ host: "127.0.0.1", port: 0 });
  try {
    const answer = await fetch(`${at}/metrics`);
    expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    let page = "";
    for await (const bytes of answer.body ?? []) {
      page += Buffer.from(bytes).toString();
      if (page === "first 1\n") {
        expect(isSeen).toBe(false);
        see();
      }
    }
    expect(page).toBe("first 1\nlast 1\n");
  } finally {
    see();
    await server.close();
  }
});

test("metricsServer sends all of the metrics", async () => {
  const metrics = new Metrics("1.0.0");
  const server = metricsServer(metrics, ready);
  metrics.others.push({ name: "llm_d_epp_info", pieces: () => ["llm_d_epp_info 1\n"] });
  const { statusCode, body } = await server.inject("/metrics");
  expect([statusCode, body]).toEqual([200, await metrics.render()]);
});

test("metricsServer sends a whole page where a family cannot be told, and says which", async () => {
  const metrics = new Metrics("1.0.0");
  const said: string[] = [];
  metrics.onFault = (family) => said.push(family);
  const server = metricsServer(metrics, ready);
  function* pieces() {
    yield "broken 1\n";
    throw new Error("in the middle of the page");
  }
  metrics.others.push({ name: "broken", pieces }, { name: "last", pieces: () => ["last 1\n"] });
  const at = await server.listen({ host: "127.0.0.1", port: 0 });
  try {
    const answer = await fetch(`${at}/metrics`);
    const page = await answer.text();
    expect(answer.status).toBe(200);
    expect(page).toMatch(/\nlast 1\n$/);
    expect(page).not.toMatch(/^broken/m);
    expect(said).toEqual(["broken"]);
  } finally {
    await server.close();
  }
});
