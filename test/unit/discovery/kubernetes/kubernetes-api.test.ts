import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { KubernetesApi } from "../../../../src/discovery/kubernetes/kubernetes-api.ts";
import { readText } from "../../../../src/discovery/kubernetes/read-lines.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "pointsman-api-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** An API server that notes what it is asked, and a kubeconfig for it. */
async function serve(user: object = {}, namespace?: string) {
  const asked: { url: string; authorization: string | undefined; connection: number | undefined }[] = [];
  const server = http.createServer((request, response) => {
    const { authorization } = request.headers;
    asked.push({ url: request.url ?? "", authorization, connection: request.socket.remotePort });
    response.statusCode = request.url?.startsWith("/no") ? 404 : 200;
    if (request.url?.startsWith("/hang")) response.flushHeaders();
    else response.end("said");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const file = join(folder, "kubeconfig");
  const write = (change: object) =>
    writeFile(
      file,
      JSON.stringify({
        apiVersion: "v1",
        kind: "Config",
        "current-context": "here",
        clusters: [{ name: "c", cluster: { server: `${url}/` } }],
        users: [{ name: "u", user: change }],
        contexts: [{ name: "here", context: { cluster: "c", user: "u", ...(namespace && { namespace }) } }],
      }),
    );
  await write(user);
  const api = new KubernetesApi({ kubeconfig: file, env: {}, namespaceFile: join(folder, "none") });
  const get = async (path: string, signal = new AbortController().signal) => {
    const { status, body } = await api.get(path, { a: "b c", d: "e,f=g" }, signal);
    return `${status} ${await readText(body, 100)}`;
  };
  return { api, asked, get, write, file };
}

describe("KubernetesApi", () => {
  test("asks the server of the kubeconfig with the user's token", async () => {
    const { asked, get } = await serve({ token: "t1" });
    expect(await get("/api")).toBe("200 said");
    expect(await get("/none")).toBe("404 said");
    expect(asked.map(({ url }) => url)).toEqual(["/api?a=b+c&d=e%2Cf%3Dg", "/none?a=b+c&d=e%2Cf%3Dg"]);
    expect(asked.map(({ authorization }) => authorization)).toEqual(["Bearer t1", "Bearer t1"]);
  });

  test("keeps its connections from one request to the next", async () => {
    const { asked, get } = await serve();
    for (let i = 0; i < 6; i++) await get("/");
    // The next request may come before the connection of the last one is free again.
    expect(new Set(asked.map(({ connection }) => connection)).size).toBeLessThanOrEqual(2);
  });

  test("reads the configuration anew when asked to, unless what it has is younger", async () => {
    const { api, asked, get, write } = await serve({ token: "t1" });
    await get("/");
    await write({ token: "t2" });
    api.renew(60_000);
    await get("/");
    api.renew(0);
    await get("/");
    expect(asked.map(({ authorization }) => authorization)).toEqual(["Bearer t1", "Bearer t1", "Bearer t2"]);
  });

  test("reads a token file once a minute, as service account tokens rotate", async () => {
    const tokenFile = join(folder, "token");
    await writeFile(tokenFile, "t1");
    const { asked, get } = await serve({ "auth-provider": { name: "tokenFile", config: { tokenFile } } });
    await get("/");
    await writeFile(tokenFile, "t2");
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 61_000 });
    onTestFinished(() => void vi.useRealTimers());
    await get("/");
    expect(asked.map(({ authorization }) => authorization)).toEqual(["Bearer t1", "Bearer t2"]);
  });

  test("takes the token of an exec plug-in", async () => {
    const script = `console.log(JSON.stringify({ status: { token: "made-" + process.env.WHO } }))`;
    const { asked, get } = await serve({
      exec: { command: process.execPath, args: ["-e", script], env: [{ name: "WHO", value: "me" }] },
    });
    await get("/");
    expect(asked[0]?.authorization).toBe("Bearer made-me");
  });

  test("rejects when aborted while an exec plug-in hangs", async () => {
    const pidFile = join(folder, "pid");
    const script = `require("fs").writeFileSync(process.argv[1], String(process.pid)); setTimeout(() => {}, 60000)`;
    const { get } = await serve({ exec: { command: process.execPath, args: ["-e", script, pidFile] } });
    const controller = new AbortController();
    const asking = get("/", controller.signal);
    const pid = await vi.waitFor(async () => Number(await readFile(pidFile, "utf8")), 9_000);
    controller.abort(new Error("enough"));
    await expect(asking).rejects.toThrow("enough");
    process.kill(pid);
  });

  test("aborts an answer that has begun", async () => {
    const { get } = await serve();
    const controller = new AbortController();
    const asking = get("/hang", controller.signal);
    setTimeout(() => controller.abort(new Error("enough")), 10);
    await expect(asking).rejects.toThrow("enough");
  });

  test("rejects at once with a signal that is aborted already", async () => {
    const { get, asked } = await serve();
    await expect(get("/", AbortSignal.abort(new Error("enough")))).rejects.toThrow("enough");
    expect(asked).toEqual([]);
  });

  test.each([
    ["is missing", undefined, /ENOENT/],
    ["is no YAML", "{", /./],
    [
      "names no cluster",
      JSON.stringify({ "current-context": "x", clusters: [], users: [], contexts: [] }),
      /no cluster for context "x"/,
    ],
  ])("rejects when the kubeconfig %s, and reads it again the next time", async (_title, text, message) => {
    const { get, file, write } = await serve();
    if (text === undefined) await rm(file);
    else await writeFile(file, text);
    await expect(get("/")).rejects.toThrow(message);
    await write({});
    expect(await get("/")).toBe("200 said");
  });

  test("says where it looked when there is no configuration at all", async () => {
    vi.stubEnv("KUBECONFIG", undefined);
    vi.stubEnv("HOME", folder);
    onTestFinished(() => void vi.unstubAllEnvs());
    const asking = new KubernetesApi().get("/", {}, new AbortController().signal);
    await expect(asking).rejects.toThrow("not in a pod, no KUBECONFIG, no ~/.kube/config");
  });
});

describe("KubernetesApi.defaultNamespace", () => {
  test("is the picker's own, then NAMESPACE, then the context's, then default", async () => {
    const { file } = await serve({}, "from-context");
    const namespaceFile = join(folder, "namespace");
    const namespace = (env: Record<string, string>, kubeconfig = file) =>
      new KubernetesApi({ kubeconfig, namespaceFile, env }).defaultNamespace();
    expect(await namespace({})).toBe("from-context");
    expect(await namespace({ NAMESPACE: "from-env" })).toBe("from-env");
    expect(await namespace({}, join(folder, "none"))).toBe("default");
    await writeFile(namespaceFile, "own\n");
    expect(await namespace({ NAMESPACE: "from-env" })).toBe("own");
  });
});
