/** What a large cluster leaves: fifty MiB of objects as kubectl prints them and a long log, in seconds and little memory. */
import { createWriteStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { CommandProcess } from "../support/command-process.ts";

const MIB = 1024 * 1024;
let folder: string;

const pod = (index: number) => `- apiVersion: v1
  kind: Pod
  metadata:
    annotations:
      example.com/note: "number ${index}: one of many"
    creationTimestamp: "2026-01-01T00:00:00Z"
    labels:
      app: vllm
      pod-template-hash: 7d9f${index}
    name: vllm-${index}
    namespace: ns${index % 100}
  spec:
    containers:
    - args:
      - --model
      - meta-llama/Llama-3.1-8B-Instruct
      env:
      - name: HF_HOME
        value: /cache
      image: vllm/vllm-openai:v0.10.0
      name: vllm
      ports:
      - containerPort: 8000
        name: http
        protocol: TCP
      resources:
        limits:
          nvidia.com/gpu: "1"
    nodeName: worker-${index % 50}
  status:
    conditions:
    - lastProbeTime: null
      message: a message that is so long that the tool
        which prints it goes on in the next line
      status: "True"
      type: Ready
    phase: Running
    podIP: 10.42.${index % 250}.${Math.floor(index / 250) % 250}
`;

const policy = `- apiVersion: gateway.envoyproxy.io/v1alpha1
  kind: EnvoyExtensionPolicy
  metadata:
    name: pick
    namespace: default
  spec:
    extProc:
    - backendRefs:
      - name: picker
        port: 9002
  status:
    ancestors:
    - ancestorRef:
        name: eg
      conditions:
      - message: 'Wasm: wasm cache is not initialized.'
        reason: Invalid
        status: "False"
        type: Accepted
kind: List
metadata:
  resourceVersion: ""
`;

const line = `${JSON.stringify({ method: "POST", response_code: 503, response_flags: "UH", response_code_details: "no_healthy_upstream", bytes_received: 0, route_name: "r", upstream_cluster: "c" })}\n`;

function* parts(head: string, part: (index: number) => string, bytes: number, end = ""): Generator<string> {
  yield head;
  for (let [index, size] = [0, 0]; size < bytes; index++) {
    const text = part(index);
    size += text.length;
    yield text;
  }
  yield end;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "pointsman-large-"));
  const write = (name: string, text: Generator<string>) =>
    pipeline(Readable.from(text), createWriteStream(join(folder, name)));
  await write("objects.yaml", parts("apiVersion: v1\nitems:\n", pod, 50 * MIB, policy));
  await write(
    "access.log",
    parts("", () => line.repeat(100), 40 * MIB),
  );
});

afterAll(() => rm(folder, { recursive: true, force: true }));

test("fifty MiB of YAML and a long log: the verdict takes seconds of one core, and a heap of half a GiB", async () => {
  // The machine may be busy with others: what the process had of it is what counts.
  const told = "data:text/javascript,process.on('exit',()=>console.error('CPU',process.cpuUsage().user/1e6))";
  const doctor = new CommandProcess(["doctor", folder], {
    NODE_OPTIONS: `--max-old-space-size=512 --import=${told}`,
  });
  expect(await doctor.exited, doctor.stderr).toBe(1);
  expect(doctor.stdout).toContain("(row 2, policy-refused-disk-full)");
  const [, seconds] = /^CPU ([\d.]+)$/m.exec(doctor.stderr) ?? [];
  // A parser of all of YAML takes half a minute.
  expect(Number(seconds)).toBeLessThan(8);
});
