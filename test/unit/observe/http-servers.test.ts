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
  metrics.others.push({ pieces: () => ["llm_d_epp_info 1\n"] });
  const { statusCode, body } = await server.inject("/metrics");
  expect([statusCode, body]).toEqual([200, await metrics.render()]);
});
