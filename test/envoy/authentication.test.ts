/** ext-authz.yaml and jwt.yaml: who is not let in never reaches the picker, not with a header and not with a body. */
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { adminOn, type Edit, listenOn, pickersAt, places, renderEnvoyConfig } from "../../src/demo/envoy-config.ts";
import type { RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { chatOfSize } from "../support/chat-of-size.ts";
import { type EchoPods, sha256, startEchoPods } from "../support/echo-backend.ts";
import { ask, echoOf, type Framing } from "../support/http-framings.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const testEnvoy = await findTestEnvoy();
const KIB = 1024;
const framings: readonly Framing[] = ["h1 content-length", "h1 chunked", "h2 content-length", "h2 no length"];

interface Asked {
  readonly path: string;
  readonly bytes: number;
}

/** Lets in who has the key, and remembers what it was shown. */
async function startAuthorization(key: string) {
  const asked: Asked[] = [];
  const server = http.createServer((request, response) => {
    let bytes = 0;
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    request.on("end", () => {
      asked.push({ path: request.url ?? "", bytes });
      const isIn = request.headers.authorization === `Bearer ${key}`;
      response.writeHead(isIn ? 200 : 401, {
        "www-authenticate": "Bearer",
        "x-gateway-destination-endpoint": "127.0.0.1:1",
      });
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { asked, port: (server.address() as AddressInfo).port, close };
}

/** A token as RFC 7519 has it, signed with RS256. */
function tokenOf(key: KeyObject, claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part({ alg: "RS256", typ: "JWT", kid: "test" })}.${part(claims)}`;
  return `${signed}.${sign("sha256", Buffer.from(signed), key).toString("base64url")}`;
}

describe.skipIf(testEnvoy === undefined)("authentication before the picker", () => {
  let pods: EchoPods;
  let picker: PickerProcess;
  let envoy: RunningEnvoy | undefined;

  beforeAll(async () => {
    pods = await startEchoPods(2);
  });
  afterAll(() => pods?.close());

  beforeEach(async () => {
    picker = await startPicker(["--pods", pods.addresses.join(",")]);
  });
  afterEach(async () => {
    await envoy?.stop();
    envoy = undefined;
    await picker?.kill();
  });

  const start = async (file: string, edits: readonly Edit[]) => {
    const all = [listenOn(0), adminOn(0), pickersAt([picker.address]), ...edits];
    envoy = await testEnvoy!.start({ config: renderEnvoyConfig(file, all) });
    return envoy;
  };
  const send = (bearer: string, bytes: number, framing: Framing = "h1 content-length") =>
    ask({
      port: envoy!.ports.get("requests")!,
      framing,
      path: "/v1/chat/completions",
      body: chatOfSize(bytes),
      headers: bearer === "" ? {} : { authorization: `Bearer ${bearer}` },
    });
  /** Streams that Envoy opened to the picker, messages that the picker got, picks that it made. */
  const reached = async () => {
    const stats = await envoy!.admin("/stats?filter=ext_proc.pointsman.streams_started");
    const started = Number(/: (\d+)/.exec(stats)?.[1] ?? Number.NaN);
    return [started, await picker.metric("pointsman_messages_total"), await picker.metric("pointsman_picks_total")];
  };
  const refusedAll = async (bearers: readonly string[], status: number) => {
    for (const bearer of bearers) {
      for (const framing of framings) expect((await send(bearer, 89, framing)).status).toBe(status);
      expect((await send(bearer, 300 * KIB)).status).toBe(status);
    }
    expect(await reached()).toEqual([0, 0, 0]);
  };
  /** Whoever is let in is picked for, with the body whole. */
  const servedAll = async (bearer: string) => {
    for (const framing of framings) {
      const echo = echoOf(await send(bearer, 300 * KIB, framing));
      expect(echo.sha256).toBe(sha256(chatOfSize(300 * KIB)));
      expect(echo.headers["x-gateway-destination-endpoint"]).toBe(echo.pod);
    }
    const [started, , picks] = await reached();
    expect([started, picks]).toEqual([framings.length, framings.length]);
  };

  describe("ext-authz.yaml", () => {
    const KEY = "the right key";
    let authorization: Awaited<ReturnType<typeof startAuthorization>>;
    const filter = [...places.hcm, "http_filters", "envoy.filters.http.ext_authz", "typed_config"];
    const endpoint = ["load_assignment", "endpoints", 0, "lb_endpoints", 0, "endpoint", "address", "socket_address"];
    const askedAt = (port: number): Edit => ({
      op: "set",
      at: ["static_resources", "clusters", "authorization", ...endpoint, "port_value"],
      to: port,
    });

    beforeEach(async () => {
      authorization = await startAuthorization(KEY);
    });
    afterEach(() => authorization.close());

    test("lets nobody without the key reach the picker, and all with it", async () => {
      await start("ext-authz.yaml", [askedAt(authorization.port)]);
      await refusedAll(["", "another key"], 401);
      const { headers } = await send("", 89);
      expect([headers["www-authenticate"], headers["x-gateway-destination-endpoint"]]).toEqual(["Bearer", undefined]);
      await servedAll(KEY);
      expect(new Set(authorization.asked.map(({ path }) => path))).toEqual(new Set(["/authorize/v1/chat/completions"]));
      expect(Math.max(...authorization.asked.map(({ bytes }) => bytes))).toBe(0);
    });

    test("lets nobody in while the service is not there", async () => {
      await start("ext-authz.yaml", [askedAt(authorization.port)]);
      authorization.close();
      await refusedAll([KEY], 503);
    });

    test("keeps from the picker a body longer than the service is to be sent", async () => {
      const body: Edit = { op: "add", at: [...filter, "with_request_body"], to: { max_request_bytes: 64 * KIB } };
      await start("ext-authz.yaml", [askedAt(authorization.port), body]);
      // Envoy counts what it holds before the last piece of a body, so a little more than the limit may pass.
      for (const framing of framings) expect((await send(KEY, 300 * KIB, framing)).status).toBe(413);
      expect(await reached()).toEqual([0, 0, 0]);
      expect(echoOf(await send(KEY, 60 * KIB)).sha256).toBe(sha256(chatOfSize(60 * KIB)));
      expect(authorization.asked.map(({ bytes }) => bytes)).toEqual([chatOfSize(60 * KIB).length]);
    });
  });

  test("jwt.yaml lets nobody without a valid token reach the picker, and all with one", async () => {
    const folder = mkdtempSync(join(tmpdir(), "pointsman-jwt-"));
    const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const stranger = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
    const keys = [{ ...publicKey.export({ format: "jwk" }), kid: "test", alg: "RS256", use: "sig" }];
    const filename = join(folder, "jwks.json");
    writeFileSync(filename, JSON.stringify({ keys }));
    const provider = [
      ...places.hcm,
      "http_filters",
      "envoy.filters.http.jwt_authn",
      "typed_config",
      "providers",
      "clients",
    ];
    try {
      await start("jwt.yaml", [{ op: "set", at: [...provider, "local_jwks", "filename"], to: filename }]);
      const now = Math.floor(Date.now() / 1000);
      const good = { iss: "https://login.example.com", aud: "inference", sub: "client", exp: now + 3600 };
      await refusedAll(
        ["", "no token", tokenOf(stranger, good), tokenOf(privateKey, { ...good, exp: now - 3600 })],
        401,
      );
      expect((await send(tokenOf(privateKey, { ...good, aud: "another service" }), 89)).status).toBe(403);
      expect(await reached()).toEqual([0, 0, 0]);
      await servedAll(tokenOf(privateKey, good));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
