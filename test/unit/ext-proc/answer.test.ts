/** What a stream answers itself: the list of models, and refusals that depend on pools and models. */
import { describe, expect, test } from "vitest";
import { Answer } from "../../../src/ext-proc/answer.ts";
import { defaultPoolSettings } from "../../../src/pods/pool.ts";
import { noHints } from "../../../src/routing/choose-pool.ts";
import { StreamRig } from "../../support/stream-rig.ts";

const POD = "10.0.0.1:8000";
const get = { ":method": "GET" };

function rigThatServes(...ids: string[]): StreamRig {
  const rig = new StreamRig();
  for (const pod of rig.table.pods()) rig.models.set(pod, { kind: "listed", entries: ids.map((id) => ({ id })) });
  return rig;
}

const bodyOf = (stream: ReturnType<StreamRig["open"]>) =>
  JSON.parse(stream.replies.at(-1)?.immediate_response?.body?.toString() ?? "{}") as {
    data?: object[];
    error?: { code: string; message: string };
  };

describe("GET /v1/models", () => {
  test("is answered with what the pool serves", () => {
    const stream = rigThatServes("a", "b")
      .open()
      .headers("BUFFERED", { path: "/v1/models?x=1", end: true, headers: get });
    expect(stream.story).toEqual(["immediate 200"]);
    expect(bodyOf(stream).data).toEqual([{ id: "a" }, { id: "b" }]);
  });

  test("goes to a pod while no list is known, by another method, and for one model", () => {
    const unknown = new StreamRig().open().headers("BUFFERED", { path: "/v1/models", end: true, headers: get });
    const head = rigThatServes("a")
      .open()
      .headers("BUFFERED", { path: "/v1/models", end: true, headers: { ":method": "HEAD" } });
    const one = rigThatServes("a").open().headers("BUFFERED", { path: "/v1/models/a", end: true, headers: get });
    for (const stream of [unknown, head, one]) expect(stream.story).toEqual([`request_headers -> ${POD}`]);
  });

  test("for one model finds its pool and its pods by the path, and is refused where nobody serves it", () => {
    const rig = new StreamRig({ pods: ["10.0.0.1:8000", "10.0.0.2:8000"] });
    const [one, other] = rig.table.pods();
    rig.pools.obtain("default", defaultPoolSettings).assign([one!]);
    rig.pools.obtain("other", defaultPoolSettings).assign([other!]);
    rig.models.set(one!, { kind: "listed", entries: [{ id: "a" }] });
    rig.models.set(other!, { kind: "listed", entries: [{ id: "org/b" }] });
    const ask = (path: string) => rig.open().headers("BUFFERED", { path, end: true, headers: get });
    expect(ask("/v1/models/org%2Fb").story).toEqual(["request_headers -> 10.0.0.2:8000"]);
    expect(ask("/v1/models/a?x=1").story).toEqual([`request_headers -> ${POD}`]);
    const codes = ["/v1/models/c", "/health"].map((path) => bodyOf(ask(path)).error?.code);
    expect(codes).toEqual(["model_not_found", "pool_unknown"]);
  });

  test("of a pool that does not exist is refused", () => {
    const headers = { ...get, "x-pointsman-pool": "nowhere" };
    const stream = rigThatServes("a").open().headers("BUFFERED", { path: "/v1/models", end: true, headers });
    expect([stream.story, bodyOf(stream).error?.code]).toEqual([["immediate 404"], "pool_unknown"]);
  });
});

describe("Answer", () => {
  test("refuses a model that no pod serves, and names those that are served", () => {
    const rig = rigThatServes("a", "b");
    const stream = rig.open().headers("BUFFERED").body('{"model":"c","prompt":"x"}');
    expect(stream.story).toEqual(["request_headers", "immediate 404"]);
    expect(bodyOf(stream).error).toMatchObject({
      code: "model_not_found",
      message: expect.stringContaining("Known: a, b."),
    });
    expect([rig.refusals, rig.inFlightCount]).toEqual([["model_not_found"], 0]);
  });

  test("goes by the pool that a header names", () => {
    const rig = rigThatServes("m");
    rig.pools.obtain("empty", defaultPoolSettings);
    const named = (pool: string) =>
      rig
        .open()
        .headers("BUFFERED", { headers: { "content-length": "30", "x-pointsman-pool": pool } })
        .body('{"model":"m","prompt":"x"}');
    expect(named("default").story.at(-1)).toBe(`request_body -> ${POD}`);
    expect(named("empty").story.at(-1)).toBe("immediate 503");
    expect(named("nowhere").story.at(-1)).toBe("immediate 404");
    expect(new Answer(rig.open().port, rig.host).head.hints).toBe(noHints);
  });

  test("waits for the body of unknown length where only its model tells the pool", () => {
    const rig = rigThatServes("m");
    rig.pools.obtain("other", defaultPoolSettings);
    const open = (pool = {}) => rig.open().headers("BUFFERED", { headers: pool });
    expect(open().body('{"model":"m","prompt":"x"}').story).toEqual(["request_headers", `request_body -> ${POD}`]);
    expect(open().trailers().story).toEqual(["request_headers", "immediate 404"]);
    expect(open({ "x-pointsman-pool": "nowhere" }).story).toEqual(["immediate 404"]);
  });
});
