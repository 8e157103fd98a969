import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { buildDockerfile } from "../support/dockerfile.ts";
import { findHadolint } from "../support/hadolint.ts";

const hadolint = await findHadolint();
const root = fileURLToPath(new URL("../..", import.meta.url));
const dockerfile = join(root, "deploy", "Dockerfile");
const text = readFileSync(dockerfile, "utf8");
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "pointsman-dockerfile-"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(hadolint.isMissing)(`deploy/Dockerfile, by hadolint${hadolint.note}`, () => {
  test("has nothing that is said against it", async () => {
    expect(await hadolint.lint(dockerfile)).toBe("");
  });

  test("would hear of a base without a version, and of a word that there is not", async () => {
    const broken = join(folder, "broken");
    writeFileSync(broken, text.replace(/^FROM \$\{NODE\} AS build$/m, "FROM node AS build"));
    expect(await hadolint.lint(broken)).toContain("DL3006");
    writeFileSync(broken, text.replace("STOPSIGNAL", "STOPSIGNALL"));
    expect(await hadolint.lint(broken)).not.toBe("");
  });
});

describe("deploy/Dockerfile, step by step in a folder of its own", () => {
  test("leaves a program that starts, with the packages that running needs and no others", {
    timeout: 300_000,
  }, async () => {
    const image = await buildDockerfile(text, root, folder);
    expect(image.user).toBe("65532:65532");
    const has = (path: string) => existsSync(join(image.root, "app", path));
    const kept = ["node_modules/@grpc/grpc-js", "dist/src/main.js", "dist/proto", "LICENSE"];
    const dropped = ["node_modules/typescript", "node_modules/vitest", "node_modules/node", "src", "deploy"];
    expect([kept.filter((path) => !has(path)), dropped.filter(has)]).toEqual([[], []]);
    expect(existsSync(join(image.root, "..", "stage-0", "app", "node_modules", "typescript"))).toBe(false);
    const [, program = ""] = image.entrypoint;
    const ports = ["--grpc-port=0", "--grpc-health-port=0", "--metrics-port=0", "--admin-port=0"];
    // The client of Kubernetes is loaded only where it is wanted.
    const source = ["--endpoint-selector=app=vllm", "--endpoint-target-ports=8000", "--pool-namespace=default"];
    const flags = ["serve", "--bind-address=127.0.0.1", "--drain-delay=0s", ...source, ...ports];
    const child = spawn(process.execPath, [join(image.root, program), ...flags], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    const services: string[] = [];
    for await (const line of createInterface(child.stdout)) {
      services.push(JSON.parse(line).service);
      if (services.includes("admin")) break;
    }
    child.kill("SIGTERM");
    expect((await once(child, "exit"))[0]).toBe(0);
  });
});
