import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { ImageLayer } from "../../deploy/image-layer.ts";

const run = promisify(execFile);
const deploy = fileURLToPath(new URL("../../deploy", import.meta.url));
const script = join(deploy, "image.ts");
const deploymentFile = join(deploy, "kubernetes", "deployment.yaml");
const isRoot = process.getuid?.() === 0;

/** A mount namespace of its own, in which the root file system of the image can be made read-only. */
const isolated = ["--mount", ...(isRoot ? [] : ["--user", "--map-root-user"])];
const lacking = await run("unshare", [...isolated, "true"]).then(
  () => "",
  (error: Error) => `unshare: ${error.message.split("\n").at(-2) ?? error.message}`,
);
const isLinux = process.platform === "linux";
const elsewhere = isLinux ? "" : ` (skipped: images are made on Linux, this is ${process.platform})`;
if (!isLinux) console.warn(`Skipped: images are made on Linux, this is ${process.platform}`);
else if (lacking !== "") console.warn(`Skipped: the root file system of an image cannot be started here. ${lacking}`);

interface Described {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

interface ImageConfig {
  readonly User: string;
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly ExposedPorts: object;
  readonly StopSignal: string;
}

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "pointsman-image-test-"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("ImageLayer", () => {
  const longName = `a/${"long-".repeat(40)}name`;
  const files: [string, string, boolean][] = [
    ["/usr/bin/program", "#!/bin/sh\n", true],
    [longName, "x".repeat(1025), false],
    ["empty", "", false],
  ];
  const layerOf = (those: typeof files) => {
    const layer = new ImageLayer();
    for (const [path, content, isProgram] of those) layer.add(path, Buffer.from(content), isProgram);
    return layer.toTar();
  };

  test("is a tar that tar unpacks, with names of any length, modes and folders", async () => {
    const file = join(folder, "layer.tar");
    const to = join(folder, "layer");
    writeFileSync(file, layerOf(files));
    mkdirSync(to);
    const { stderr } = await run("tar", ["-xf", file, "-C", to]);
    expect(stderr).toBe("");
    for (const [path, content, isProgram] of files) {
      expect(readFileSync(join(to, path), "utf8")).toBe(content);
      expect((statSync(join(to, path)).mode & 0o111) !== 0).toBe(isProgram);
    }
    const { stdout } = await run("tar", ["-tvf", file, "--numeric-owner", "--utc"]);
    expect(stdout.trim().split("\n")).toHaveLength(3 + 3);
    for (const line of stdout.trim().split("\n")) expect(line).toMatch(/ 0\/0 .* 1970-01-01 00:00 /);
  });

  test("is the same bytes in whatever order files are added", () => {
    expect(layerOf(files.toReversed())).toEqual(layerOf(files));
  });
});

describe.skipIf(!isLinux)(`deploy/image.ts${elsewhere}`, () => {
  let layout: string;
  let manifest: { config: Described; layers: Described[] };
  let config: { config: ImageConfig; rootfs: { diff_ids: string[] } };

  const digestOf = (bytes: Buffer) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  const pathOf = ({ digest }: Described) => join(layout, "blobs", ...digest.split(":"));
  const readBlob = (described: Described): Buffer => {
    const bytes = readFileSync(pathOf(described));
    expect([digestOf(bytes), bytes.length]).toEqual([described.digest, described.size]);
    return bytes;
  };

  beforeAll(async () => {
    layout = join(folder, "layout");
    await run(process.execPath, [script, layout]);
    const index = JSON.parse(readFileSync(join(layout, "index.json"), "utf8"));
    manifest = JSON.parse(readBlob(index.manifests[0]).toString());
    config = JSON.parse(readBlob(manifest.config).toString());
  });

  test("leaves a layout in which every digest and size is right", () => {
    expect(JSON.parse(readFileSync(join(layout, "oci-layout"), "utf8"))).toEqual({ imageLayoutVersion: "1.0.0" });
    const unpacked = manifest.layers.map((layer) => digestOf(gunzipSync(readBlob(layer))));
    expect(unpacked).toEqual(config.rootfs.diff_ids);
    expect(unpacked).toHaveLength(3);
  });

  test("names the user of the manifests, who is not root", () => {
    const [user, group] = config.config.User.split(":");
    const text = readFileSync(deploymentFile, "utf8");
    expect(text).toContain(`runAsUser: ${user}\n`);
    expect(text).toContain(`runAsGroup: ${group}\n`);
    expect(Number(user)).toBeGreaterThan(0);
  });

  test("is what deploy/Dockerfile would make: user, ports, program and signal, of files that exist", () => {
    const { User, ExposedPorts, Cmd, Entrypoint, StopSignal } = config.config;
    const text = readFileSync(join(deploy, "Dockerfile"), "utf8");
    for (const line of [
      `USER ${User}`,
      `EXPOSE ${Object.keys(ExposedPorts).join(" ").replaceAll("/tcp", "")}`,
      `CMD ${JSON.stringify(Cmd)}`,
      `ENTRYPOINT ["node", "${Entrypoint[1]}"]`,
      `STOPSIGNAL ${StopSignal}`,
    ]) {
      expect(text.split("\n")).toContain(line);
    }
    const copied = [...text.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, names = ""]) => names.split(" "));
    const ignored = readFileSync(join(deploy, "Dockerfile.dockerignore"), "utf8").split("\n");
    expect(copied.length).toBeGreaterThan(5);
    for (const name of copied) {
      expect(existsSync(join(deploy, "..", name)), name).toBe(true);
      expect(ignored).toContain(`!${name}`);
    }
  });

  describe.skipIf(lacking !== "")(`the root file system${lacking && ` (skipped: ${lacking})`}`, () => {
    let rootFolder: string;

    beforeAll(async () => {
      rootFolder = join(folder, "root");
      mkdirSync(rootFolder);
      for (const layer of manifest.layers) await run("tar", ["-xzf", pathOf(layer), "-C", rootFolder]);
      // Engines make these where they are missing, as they mount them.
      for (const name of ["proc", "dev"]) mkdirSync(join(rootFolder, name));
    });

    /** Read-only, with nothing mounted but /proc and /dev, as the user of the image where this is root. */
    function start(...program: string[]) {
      const mounts = ["proc", "dev"].map((name) => `mount --rbind /${name} "$0/${name}"`);
      const steps = [`mount --bind "$0" "$0"`, `mount -o remount,bind,ro "$0"`, ...mounts];
      const who = isRoot ? `--userspec=${config.config.User} ` : "";
      const inside = [...steps, `exec chroot ${who}"$0" "$@"`].join(" && ");
      const command = [...isolated, "sh", "-c", inside, rootFolder, ...program];
      // Where Debian keeps chroot, users need not have on their PATH.
      const env = { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` };
      const child = spawn("unshare", command, {
        stdio: ["ignore", "pipe", "pipe"],
        env,
      });
      onTestFinished(() => void child.kill("SIGKILL"));
      const exited = new Promise<number | null>((resolve) => child.once("close", resolve));
      return { child, exited };
    }

    test("starts a picker that answers, as nobody's user and without a place to write", {
      timeout: 60_000,
    }, async () => {
      const ports = ["--grpc-port=0", "--grpc-health-port=0", "--metrics-port=0", "--admin-port=0"];
      // The client of Kubernetes is loaded only where it is wanted.
      const source = ["--endpoint-selector=app=vllm", "--endpoint-target-ports=8000", "--pool-namespace=default"];
      const flags = ["--bind-address=127.0.0.1", "--drain-delay=0s", ...source, ...ports];
      const { child, exited } = start(...config.config.Entrypoint, ...config.config.Cmd, ...flags);
      const said: string[] = [];
      createInterface(child.stderr).on("line", (line) => said.push(line));
      const problems: unknown[] = [];
      let metricsPort = 0;
      for await (const line of createInterface(child.stdout)) {
        const { service, port, problem } = JSON.parse(line);
        problems.push(problem);
        if (service === "metrics") metricsPort = port;
        if (service === "admin") break;
      }
      expect(said).toEqual([]);
      expect(problems.join()).toContain("no configuration found: not in a pod");
      expect((await fetch(`http://127.0.0.1:${metricsPort}/livez`)).status).toBe(200);
      const page = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
      expect(page).toContain(`pointsman_info{`);
      const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
      if (isRoot) expect(status).toMatch(/^Uid:\t65532\t65532\t65532\t65532$/m);
      child.kill("SIGTERM");
      expect(await exited).toBe(0);
    });

    test("can be written nowhere, which is what makes the start a proof", async () => {
      const [node = ""] = config.config.Entrypoint;
      const { child, exited } = start(node, "-e", "require('fs').writeFileSync('/app/written', '')");
      let said = "";
      child.stderr.on("data", (chunk) => {
        said += chunk;
      });
      expect(await exited).toBe(1);
      expect(said).toContain("EROFS");
    });

    test("holds nothing that only builders need", async () => {
      const { stdout } = await run("find", [rootFolder, "-xdev", "-name", "*.ts", "-o", "-name", "typescript"]);
      expect(stdout).toBe("");
    });
  });
});
