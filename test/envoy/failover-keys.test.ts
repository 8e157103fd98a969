/** Keys of backends that are missing, come late or are replaced while requests run, and that stand nowhere else. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Edit } from "../../src/demo/envoy-config.ts";
import { type BackendsRig, failoverPlaces, keys, startBackendsRig, twoBackends } from "../support/backends-rig.ts";
import { completes } from "../support/chat-answers.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";
import { answers } from "../support/wired-backend.ts";

const hasEnvoy = (await findTestEnvoy()) !== undefined;
/** None is left out. */
const tolerant: Edit = {
  op: "set",
  at: [...failoverPlaces.cluster, "outlier_detection", "consecutive_5xx"],
  to: 1_000_000,
};
const clientHeaders = { authorization: "Bearer canary-of-the-client" };

describe.skipIf(!hasEnvoy)("a backend without its key", () => {
  let rig: BackendsRig;

  beforeAll(async () => {
    rig = await startBackendsRig({ file: twoBackends.replace("keys/primary", "keys/late"), edits: [tolerant] });
  }, 60_000);
  afterAll(() => rig?.stop());

  test("is asked with neither body nor key, and the fallback serves", async () => {
    rig.does("primary", answers(401));
    const { status } = await rig.ask({ headers: clientHeaders });
    expect([status, rig.asked]).toEqual([200, ["primary", "fallback"]]);
    expect(rig.primary.only.body.length).toBe(0);
    expect(rig.primary.wire).not.toMatch(/canary|Hello|key-of/);
    expect(rig.fallback.only.headers["x-api-key"]).toBe(keys.fallback);
    const [picker] = rig.pickers;
    const labels = { backend: "primary", code: "backend_credential_missing" };
    expect(await picker?.metric("pointsman_attempt_refusals_total", labels)).toBe(1);
  });

  test("is what the client is told where the fallback has none either", async () => {
    const both = await startBackendsRig({ file: twoBackends.replaceAll("keys/", "none/"), edits: [tolerant] });
    try {
      for (const name of ["primary", "fallback"] as const) both.does(name, answers(401));
      const { status, headers, body } = await both.ask();
      expect([status, headers["content-type"]]).toEqual([503, "application/json"]);
      expect(JSON.parse(body.toString()).error.code).toBe("backend_credential_missing");
    } finally {
      await both.stop();
    }
  });

  test("gets its requests once the key is there", { timeout: 30_000 }, async () => {
    rig.does("primary", (request, response) =>
      (request.headers["authorization"] === undefined ? answers(401) : completes())(request, response),
    );
    writeFileSync(join(rig.folder, "keys/late"), "key-that-is-late\n");
    await expect.poll(() => rig.served(), { timeout: 20_000 }).toBe("primary");
    expect(rig.primary.requests.at(-1)?.headers["authorization"]).toBe("Bearer key-that-is-late");
  });
});

describe.skipIf(!hasEnvoy)("the client's own authorization", () => {
  let rig: BackendsRig;
  const own = "credential: { kind: api-key, file: keys/fallback, header: x-api-key }";

  beforeAll(async () => {
    const file = twoBackends.replace(own, "keepsAuthorization: true");
    rig = await startBackendsRig({ file, pickers: 2, edits: [tolerant] });
  }, 60_000);
  afterAll(() => rig?.stop());

  test("goes to the backend that gets it, also behind one that does not", async () => {
    rig.does("primary", answers(500));
    expect((await rig.ask({ headers: clientHeaders })).status).toBe(200);
    expect(rig.primary.only.headers["authorization"]).toBe(`Bearer ${keys.primary}`);
    expect(rig.primary.wire).not.toContain("canary");
    expect(rig.fallback.only.headers["authorization"]).toBe("Bearer canary-of-the-client");
    expect(rig.fallback.wire).not.toContain(keys.primary);
  });
});

describe.skipIf(!hasEnvoy)("keys", () => {
  let rig: BackendsRig;

  beforeAll(async () => {
    rig = await startBackendsRig({ pickers: 2, edits: [tolerant] });
  }, 60_000);
  afterAll(() => rig?.stop());

  test("are replaced under load without a request that has none or an empty one", { timeout: 60_000 }, async () => {
    let isOver = false;
    const statuses = new Set<number>();
    const load = async () => {
      while (!isOver) statuses.add((await rig.ask({ headers: clientHeaders })).status);
    };
    const clients = [load(), load(), load()];
    const file = join(rig.folder, "keys/primary");
    const others = ["key-of-primary-2", "key-of-primary-3"];
    const seen = () => rig.primary.requests.map(({ headers }) => headers["authorization"]);
    try {
      for (const key of others) {
        // As a careless writer does it: empty first, then the value.
        writeFileSync(file, "");
        await delay(50);
        writeFileSync(file, `${key}\n`);
        // Behind the change nobody sends the one before: both pickers have it.
        await expect.poll(() => new Set(seen().slice(-20)), { timeout: 20_000 }).toEqual(new Set([`Bearer ${key}`]));
      }
    } finally {
      isOver = true;
      await Promise.all(clients);
    }
    expect(statuses).toEqual(new Set([200]));
    expect(new Set(seen())).toEqual(new Set([keys.primary, ...others].map((key) => `Bearer ${key}`)));
  });

  test("and backends follow the config file, with no request lost", { timeout: 60_000 }, async () => {
    let isOver = false;
    const statuses = new Set<number>();
    const load = async () => {
      while (!isOver) statuses.add((await rig.ask()).status);
    };
    const clients = [load(), load()];
    try {
      const changed = twoBackends
        .replace("model-of-primary", "another-model")
        .replace("primary.example", "other.example");
      writeFileSync(join(rig.folder, "backends.yaml"), changed);
      const hosts = () => new Set(rig.primary.requests.slice(-20).map(({ headers }) => headers["host"]));
      await expect.poll(hosts, { timeout: 20_000 }).toEqual(new Set(["other.example"]));
    } finally {
      isOver = true;
      await Promise.all(clients);
    }
    expect(statuses).toEqual(new Set([200]));
    expect(rig.primary.requests.at(-1)?.body.toString()).toContain('"another-model"');
    const said = rig.pickers.map((picker) => JSON.stringify(picker.log));
    expect(said.filter((log) => log.includes("backends.primary.host: primary.example -> other.example")).length).toBe(
      2,
    );
  });

  test("stand in no log, metric or page", async () => {
    rig.does("primary", answers(500));
    expect((await rig.ask({ headers: clientHeaders })).status).toBe(200);
    for (const picker of rig.pickers) {
      const paths = ["/status", "/config", "/decisions", "/pods"];
      const pages = await Promise.all(
        paths.map(async (path) => (await fetch(`http://${picker.adminAddress}${path}`)).text()),
      );
      const said = [JSON.stringify(picker.log), await picker.page(), ...pages].join("\n");
      expect(said).toContain("primary");
      expect(said).not.toMatch(/canary-of|key-of/);
    }
  });
});
