/** A client names the pod itself, in every spelling: never honoured, in no shipped config, be the picker up, stopped or gone. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  adminOn,
  type Edit,
  listenOn,
  pickersAt,
  places,
  podsAt,
  renderEnvoyConfig,
} from "../../src/demo/envoy-config.ts";
import type { RunningEnvoy } from "../../src/demo/run-envoy.ts";
import { chatOfSize } from "../support/chat-of-size.ts";
import { type Decoy, startDecoy } from "../support/decoy.ts";
import { type Echo, type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import { ask } from "../support/http-framings.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const testEnvoy = await findTestEnvoy();
const PATH = "/v1/chat/completions";
const NAMES = [
  "x-gateway-destination-endpoint",
  "x-gateway-destination-endpoint-subset",
  "x-gateway-destination-endpoint-served",
  "target-pod",
  "target-pod-ip",
  "x-envoy-original-dst-host",
];
const capital = (name: string) => name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());

/** Ways to write the same lie: raw header lines, name and value in turn. */
const spellings: Readonly<Record<string, (address: string) => string[]>> = {
  plain: (address) => NAMES.flatMap((name) => [name, address]),
  capitals: (address) => NAMES.flatMap((name) => [capital(name), address, name.toUpperCase(), address]),
  "three times": (address) => NAMES.flatMap((name) => [name, address, name, address, name, address]),
  "a list": (address) => NAMES.flatMap((name) => [name, `${address}, ${address}`]),
  "empty, then named": (address) => NAMES.flatMap((name) => [name, "", name, address]),
  underscores: (address) => NAMES.flatMap((name) => [name.replaceAll("-", "_"), address]),
  "of the connection": (address) => ["connection", `close, ${NAMES.join(", ")}`, ...NAMES.flatMap((n) => [n, address])],
};

/** What clients get without a picker: from the shipped files that list the pods an answer, from the others none. */
const withoutPicker: Readonly<Record<string, readonly number[]>> = {
  "buffered.yaml": [503],
  "duplex.yaml": [503],
  "sidecar.yaml": [503],
  "tracing.yaml": [503],
  "override-host.yaml": [200],
  // The body of a duplex request may be with the picker when it goes.
  "override-host-duplex.yaml": [200, 503],
  "shadow.yaml": [200],
  "round-robin.yaml": [200],
};
const files = Object.keys(withoutPicker);
/** buffered.yaml and one filter more, which lets none of these requests past it. */
const behindAuthentication = ["ext-authz.yaml", "jwt.yaml"];

interface Got {
  readonly status: number;
  readonly pod: string;
}

function podIn(status: number, text: string): Got {
  return { status, pod: status === 200 ? (JSON.parse(text) as Echo).pod : "" };
}

/** `trailers` says it behind the body. */
function send(port: number, headers: readonly string[], trailers?: Readonly<Record<string, string>>): Promise<Got> {
  const length = trailers === undefined ? ["content-length", "89"] : ["transfer-encoding", "chunked"];
  const trailer = trailers === undefined ? [] : ["trailer", Object.keys(trailers).join(", ")];
  const all = ["host", "gateway", ...length, ...trailer, ...headers];
  return new Promise((resolve, reject) => {
    const request = http.request({ port, host: "127.0.0.1", path: PATH, method: "POST", agent: false, headers: all });
    request.on("error", reject);
    request.on("response", (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on("end", () => resolve(podIn(response.statusCode ?? 0, text)));
      response.on("error", reject);
    });
    if (trailers !== undefined) request.addTrailers(trailers);
    request.end(chatOfSize(89));
  });
}

test("every shipped config is sent to below, or takes the headers away before authentication and ext_proc", () => {
  const shipped = readdirSync(fileURLToPath(new URL("../../deploy/envoy/", import.meta.url)));
  expect(shipped.filter((name) => name.endsWith(".yaml")).toSorted()).toEqual(
    [...files, ...behindAuthentication].toSorted(),
  );
  for (const file of behindAuthentication) {
    const text = JSON.stringify(renderEnvoyConfig(file, []));
    expect(text.indexOf("http.header_mutation")).toBeLessThan(text.search(/filters\.http\.(ext_authz|jwt_authn)/));
    expect(text.search(/filters\.http\.(ext_authz|jwt_authn)/)).toBeLessThan(text.indexOf("filters.http.ext_proc"));
    expect(text).toContain('{"remove":"x-gateway-destination-endpoint"},{"remove":"target-pod"}');
  }
});

describe.skipIf(testEnvoy === undefined)("a client that names an address of its own", () => {
  const folder = mkdtempSync(join(tmpdir(), "pointsman-forged-"));
  const path = join(folder, "picker.sock");
  const envoys = new Map<string, RunningEnvoy>();
  let pods: EchoPods;
  let decoy: Decoy;
  let picker: PickerProcess;

  const editsOf = (file: string): Edit[] => {
    const lists = /override-host|shadow|round-robin/.test(file) ? [podsAt(pods.addresses)] : [];
    if (file === "round-robin.yaml") return lists;
    if (file !== "sidecar.yaml") return [pickersAt([picker.address]), ...lists];
    const endpoints = [...places.picker, "load_assignment", "endpoints", 0, "lb_endpoints"];
    return [{ op: "set", at: endpoints, to: [{ endpoint: { address: { pipe: { path } } } }] }];
  };

  beforeAll(async () => {
    [pods, decoy] = await Promise.all([startEchoPods(2), startDecoy()]);
    picker = await startPicker(["--pods", pods.addresses.join(","), `--grpc-socket=${path}`]);
    const start = async (file: string) => {
      const config = renderEnvoyConfig(file, [listenOn(0), adminOn(0), ...editsOf(file)]);
      envoys.set(file, await testEnvoy!.start({ config }));
    };
    await Promise.all(files.map(start));
  });

  afterAll(async () => {
    await Promise.all([...envoys.values()].map((envoy) => envoy.stop()));
    await picker?.kill();
    decoy?.close();
    await pods?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** All spellings through all configs at once; by config what came of them. */
  const sendAll = async (): Promise<[file: string, got: Got[]][]> => {
    const through = async (file: string): Promise<[string, Got[]]> => {
      const port = envoys.get(file)?.ports.get("requests") ?? 0;
      const { address } = decoy;
      const named = Object.fromEntries(NAMES.map((name) => [name, address]));
      const overHttp2 = ask({ port, framing: "h2 content-length", path: PATH, body: chatOfSize(89), headers: named });
      const sent = [
        ...Object.values(spellings).map((spell) => send(port, spell(address))),
        send(port, [], named),
        overHttp2.then(({ status, body }) => podIn(status, body.toString())),
      ];
      return [file, await Promise.all(sent)];
    };
    return Promise.all(files.map(through));
  };

  test("is sent to a pod of the picker's while it is up", async () => {
    for (const [file, got] of await sendAll()) {
      expect([...new Set(got.map(({ status }) => status))], file).toEqual([200]);
      expect(pods.addresses, file).toEqual(expect.arrayContaining([...new Set(got.map(({ pod }) => pod))]));
    }
    expect(decoy.asked()).toBe(0);
  });

  test.each(["SIGSTOP", "SIGKILL"] as const)("is sent nowhere else when the picker gets %s", async (signal) => {
    picker.signal(signal);
    for (const [file, got] of await sendAll()) {
      const statuses = new Set(got.map(({ status }) => status));
      expect(withoutPicker[file], file).toEqual(expect.arrayContaining([...statuses]));
    }
    expect(decoy.asked()).toBe(0);
  });
});
