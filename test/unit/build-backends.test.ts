import { describe, expect, test } from "vitest";
import { OpenBackends } from "../../src/build-backends.ts";
import type { BackendConfig } from "../../src/config/file-backends.ts";
import { type CredentialEvents, defineCredential } from "../../src/credentials/credential.ts";
import { Logs } from "../../src/observe/log.ts";
import { Metrics } from "../../src/observe/metrics.ts";
import { HeaderKey, passing } from "../support/small-backends.ts";

const lines: Readonly<Record<string, unknown>>[] = [];
const destination = { write: () => undefined };
const logs = new Logs({
  verbosity: 5,
  destination,
  listener: (_level, fields, message) => lines.push({ ...fields, message }),
});
const headers = { modelHeader: "x-model", modelHeaders: ["model"], destinationHeaders: ["x-to"], payerHeader: "" };

function rig() {
  const { instruments } = new Metrics("test");
  const opened: HeaderKey[] = [];
  let told: CredentialEvents | undefined;
  const kind = defineCredential({
    name: "key",
    help: "for tests",
    options: {},
    open: async (_options, events) => {
      const key = new HeaderKey("x-key", "k");
      opened.push(key);
      told = events;
      return key;
    },
  });
  const config = (name: string, { model = "", file = "" } = {}): BackendConfig => ({
    ...{ name, translator: passing, options: {}, models: new Map(), model, host: "", pathPrefix: "" },
    ...{ headers: { set: [], remove: [] }, credential: { kind, options: { file } } },
    ...{ keepsAuthorization: false, asksForUsage: false },
  });
  const open = new OpenBackends({ log: logs.of("backends"), instruments });
  return { open, opened, config, instruments, events: () => told };
}

describe("OpenBackends", () => {
  test("has no book where none are configured", async () => {
    const { open } = rig();
    const replace = await open.prepare([], headers);
    expect([replace(), open.book]).toEqual([undefined, undefined]);
  });

  test("opens the next set first, and closes the one before with the change", async () => {
    const { open, opened, config } = rig();
    (await open.prepare([config("a")], headers))();
    const first = open.book;
    const replace = await open.prepare([config("b")], headers);
    expect([opened.length, opened[0]?.closed, open.book]).toEqual([2, 0, first]);
    expect(replace()?.find("b")?.name).toBe("b");
    expect([opened[0]?.closed, opened[1]?.closed]).toEqual([1, 0]);
    open.close();
    expect(opened[1]?.closed).toBe(1);
  });

  test("keeps what is the same open", async () => {
    const { open, opened, config } = rig();
    (await open.prepare([config("a")], headers))();
    const { book } = open;
    expect((await open.prepare([config("a")], headers))()).toBe(book);
    expect(opened.map(({ closed }) => closed)).toEqual([0]);
    // Another header is internal now: each attempt has to remove it.
    expect((await open.prepare([config("a")], { ...headers, modelHeader: "x-other" }))()?.settable).toContain(
      "x-other",
    );
  });

  test("keeps each credential that is set up as before, with the last value that it had", async () => {
    const { open, opened, config } = rig();
    (await open.prepare([config("a"), config("b"), config("c")], headers))();
    const kept = open.book?.find("a")?.credential;
    const next = [config("a", { model: "other" }), config("b", { file: "other" })];
    const book = (await open.prepare(next, { ...headers, modelHeader: "x-other" }))();
    expect(book?.find("a")).toMatchObject({ model: "other" });
    expect(book?.find("a")?.credential).toBe(kept);
    // Another file is another credential, and c is gone.
    expect(opened.map(({ closed }) => closed)).toEqual([0, 1, 1, 0]);
    open.close();
    expect(opened.map(({ closed }) => closed)).toEqual([1, 1, 1, 1]);
  });

  test("has attempts remove what gateways and pickers tell each other", async () => {
    const { open, config } = rig();
    const book = (await open.prepare([config("a")], headers))();
    const names = [
      "x-model",
      "x-ai-eg-model",
      "model",
      "x-to",
      "x-pointsman-pool",
      "target-pod",
      "x-envoy-attempt-count",
    ];
    expect(book?.settable).toEqual(expect.arrayContaining(names));
  });

  test("counts and says what a credential tells of itself", async () => {
    const { open, config, instruments, events } = rig();
    await open.prepare([config("a")], headers);
    events()?.renewed();
    events()?.failed("/etc/key is empty");
    expect(instruments.credentialReads.valueOf({ backend: "a", outcome: "renewed" })).toBe(1);
    expect(instruments.credentialReads.valueOf({ backend: "a", outcome: "failed" })).toBe(1);
    expect(lines.at(-1)).toMatchObject({ backend: "a", why: "/etc/key is empty" });
  });
});
