/**
 * Makes an image of the picker as an OCI layout, without an engine and without a network: FOLDER is what skopeo, podman or
 * crane push from. `npm run image -- FOLDER`, on Linux, for the kind of machine it runs on.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { imageUser, packagesLayer, programLayer, runtimeLayer } from "./image-files.ts";
import type { ImageLayer } from "./image-layer.ts";

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

const root = fileURLToPath(new URL("..", import.meta.url));
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const oci = "application/vnd.oci.image";
const architecture = process.arch === "x64" ? "amd64" : process.arch;
/** The same files are the same image: no time is in it. */
const created = "1970-01-01T00:00:00Z";

const digestOf = (bytes: Buffer) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
const toJson = (value: unknown) => Buffer.from(JSON.stringify(value));

function writeBlob(folder: string, mediaType: string, bytes: Buffer): Descriptor {
  const digest = digestOf(bytes);
  writeFileSync(join(folder, "blobs", "sha256", digest.slice("sha256:".length)), bytes);
  return { mediaType, digest, size: bytes.length };
}

/** Without `dist` in the checkout: a build there may be going on. */
function buildProgram(): ImageLayer {
  const dist = mkdtempSync(join(tmpdir(), "pointsman-image-"));
  try {
    const build = [fileURLToPath(new URL("build.ts", import.meta.url)), dist];
    const { status, error } = spawnSync(process.execPath, build, { stdio: ["ignore", "ignore", "inherit"] });
    if (status !== 0) throw error ?? new Error(`the build ended with code ${status}`);
    return programLayer(root, dist);
  } finally {
    rmSync(dist, { recursive: true, force: true });
  }
}

/** As in deploy/Dockerfile. */
function imageConfig(layers: readonly Buffer[]): object {
  return {
    created,
    architecture,
    os: "linux",
    config: {
      User: imageUser,
      ExposedPorts: { "9002/tcp": {}, "9003/tcp": {}, "9090/tcp": {} },
      Env: ["PATH=/usr/bin"],
      Entrypoint: ["/usr/bin/node", "/app/dist/src/main.js"],
      Cmd: ["serve"],
      WorkingDir: "/",
      StopSignal: "SIGTERM",
      Labels: { "org.opencontainers.image.title": "pointsman", "org.opencontainers.image.version": version },
    },
    rootfs: { type: "layers", diff_ids: layers.map(digestOf) },
    history: ["Node and its libraries", "packages", "pointsman"].map((comment) => ({ created, comment })),
  };
}

function writeImage(folder: string): Descriptor {
  mkdirSync(join(folder, "blobs", "sha256"), { recursive: true });
  const tars = [runtimeLayer(), packagesLayer(root), buildProgram()].map((layer) => layer.toTar());
  const layers = tars.map((tar) => writeBlob(folder, `${oci}.layer.v1.tar+gzip`, gzipSync(tar, { level: 6 })));
  const config = writeBlob(folder, `${oci}.config.v1+json`, toJson(imageConfig(tars)));
  const mediaType = `${oci}.manifest.v1+json`;
  const manifest = writeBlob(folder, mediaType, toJson({ schemaVersion: 2, mediaType, config, layers }));
  const annotations = { "org.opencontainers.image.ref.name": version };
  const platform = { architecture, os: "linux" };
  const manifests = [{ ...manifest, platform, annotations }];
  writeFileSync(join(folder, "index.json"), toJson({ schemaVersion: 2, mediaType: `${oci}.index.v1+json`, manifests }));
  writeFileSync(join(folder, "oci-layout"), toJson({ imageLayoutVersion: "1.0.0" }));
  return manifest;
}

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error("which folder is the image to be written to?");
if (process.platform !== "linux") throw new Error("this packs the Node and the C libraries of a Linux machine");
const { digest } = writeImage(resolve(folder));
console.log(`${resolve(folder)} holds pointsman:${version} for linux/${architecture}, ${digest}`);
