/** Every canary is put where people have secrets and prompts; none may be in what is handed on. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { bundleOf } from "../../../../src/doctor/collect.ts";
import { diagnose, evidenceOf, type Source } from "../../../../src/doctor/diagnose.ts";

let made = 0;
const canary = () => `canary${String(++made).padStart(3, "0")}x`;
const written = (value: unknown, name: string): Source => ({ name, text: JSON.stringify(value) });
const base64 = (text: string) => Buffer.from(text).toString("base64");
const pem = () => `-----BEGIN RSA PRIVATE KEY-----\n${canary()}\n-----END RSA PRIVATE KEY-----`;

const config = {
  configs: [
    {
      "@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
      static_clusters: [
        {
          cluster: {
            name: "picker",
            transport_socket: {
              typed_config: {
                common_tls_context: {
                  tls_certificates: [
                    { private_key: { inline_string: canary() }, password: { inline_string: canary() } },
                  ],
                },
              },
            },
          },
        },
      ],
    },
    {
      "@type": "type.googleapis.com/envoy.admin.v3.SecretsConfigDump",
      static_secrets: [{ name: "s", secret: { generic_secret: { secret: { inline_bytes: canary() } } } }],
      dynamic_active_secrets: [{ secret: { tlsCertificate: { privateKey: { inlineBytes: canary() } } } }],
    },
    {
      "@type": "type.googleapis.com/envoy.admin.v3.RoutesConfigDump",
      static_route_configs: [
        {
          route_config: {
            request_headers_to_add: [
              { header: { key: "authorization", value: `Bearer ${canary()}` } },
              { header: { key: "x-api-key", value: canary() } },
            ],
            virtual_hosts: [
              { routes: [{ match: { headers: [{ name: "x-tenant-token", string_match: { exact: canary() } }] } }] },
            ],
          },
        },
      ],
    },
    { bootstrap: { dynamic_resources: { client_secret: canary(), url: `https://user:${canary()}@idp.example/` } } },
  ],
};

const objects = `
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Secret
  metadata: { name: hf, namespace: default }
  data: { token: ${base64(canary())}, other: ${canary()} }
  stringData: { any: ${canary()} }
- apiVersion: v1
  kind: ConfigMap
  metadata: { name: prompts }
  data: { system.txt: "You are ${canary()}" }
- apiVersion: v1
  kind: Pod
  metadata:
    name: vllm-0
    annotations:
      kubectl.kubernetes.io/last-applied-configuration: '{"env":"${canary()}"}'
  spec:
    containers:
    - name: vllm
      args: ["--api-key", "${canary()}", "--api-key=${canary()}", "--model", "llama"]
      env:
      - { name: HF_TOKEN, value: ${canary()} }
      - { name: OPENAI_API_KEY, value: sk-${canary()}abcdefgh }
      - { name: PLAIN, value: "see hf_${canary()}abcdefghijkl" }
`;

const access = [
  {
    response_code: 200,
    response_code_details: "via_upstream",
    response_flags: "-",
    path: `/v1/chat?api_key=${canary()}`,
    authorization: `Bearer ${canary()}`,
    cookie: canary(),
  },
  {
    response_code: 400,
    response_code_details: "via_upstream",
    response_flags: "-",
    path: "/v1/chat",
    prompt: canary(),
    request_body: { messages: [{ content: canary() }] },
    note: `Basic ${canary()}`,
  },
];
const istio = `[2026-01-01T00:00:00.000Z] "POST /v1/chat?q=${canary()} HTTP/1.1" 503 UH no_healthy_upstream - "-" 0 0 0 - "-" "curl" "id" "host" "-" c - - - - route`;
const log = [
  `2026-01-01T00:00:00Z error mkdir: no space left on device, request body: {"messages":[{"role":"user","content":"${canary()}"}]}`,
  `2026-01-01T00:00:00Z error no space left on device token=${canary()}`,
  `2026-01-01T00:00:00Z debug the user asked ${canary()}`,
  `2026-01-01T00:00:00Z error ENOSPC prompt: ${canary()}`,
  `2026-01-01T00:00:00Z error ENOSPC Authorization: Bearer ${canary()}`,
];
const live = {
  asked: [
    {
      question: "request",
      isWell: false,
      status: "401",
      quote: { source: "--probe", text: `401 no such key: api_key=${canary()}` },
    },
  ],
};

const sources: readonly Source[] = [
  written(config, "config_dump.json"),
  { name: "objects.yaml", text: objects },
  { name: "access.log", text: `${access.map((each) => JSON.stringify(each)).join("\n")}\n${istio}\n` },
  { name: "controller.log", text: log.join("\n") },
  { name: "key.pem", text: pem() },
  { name: "notes.txt", text: `my password is ${canary()}` },
  {
    name: "stats.txt",
    text: `cluster.picker.upstream_cx_total: 3\nthe prompt was ${canary()}\n${"cluster.a.b: 1\n".repeat(9)}`,
  },
  {
    name: "bootstrap.yaml",
    text: `static_resources:\n  clusters:\n  - name: a\n    password: ${canary()}\n    inline_bytes: ${base64(pem())}\n`,
  },
];

const bundle = bundleOf({ sources, asked: live.asked });
const whole = [...bundle.files].map(([name, text]) => `== ${name}\n${text}`).join("\n");

test("the sources hold every canary in the plain or in base64: the check below can fail", () => {
  const all = [...sources.map(({ text }) => text), JSON.stringify(live)].join("\n");
  const seen = Array.from({ length: made }, (_, index) => `canary${String(index + 1).padStart(3, "0")}x`);
  const isIn = (text: string, word: string) =>
    text.includes(word) ||
    [...text.matchAll(/[\w+/]{12,}={0,2}/g)].some(([each]) => Buffer.from(each, "base64").toString().includes(word));
  expect(made).toBeGreaterThan(30);
  expect(seen.filter((word) => !isIn(all, word))).toEqual([]);
  expect(seen.filter((word) => isIn(whole, word))).toEqual([]);
});

test("what is needed to diagnose is still there", () => {
  for (const word of [
    "picker",
    "no space left on device",
    "no_healthy_upstream",
    "/v1/chat",
    "HF_TOKEN",
    "llama",
    "upstream_cx_total: 3",
  ]) {
    expect(whole).toContain(word);
  }
});

test("of what is neither a log nor known nothing is handed on", () => {
  expect(bundle.held).toEqual(["key.pem", "notes.txt"]);
});

describe("a bundle is diagnosed as what it was made from", () => {
  const folder = new URL("../../../fixtures/doctor/", import.meta.url);
  const rowsOf = (given: readonly Source[]) => {
    const { first, also, risks } = diagnose(evidenceOf(given));
    return [first?.row.row, also.map(({ row }) => row.row), risks.map(({ row }) => row.row)];
  };

  test.each(readdirSync(folder))("%s", (name) => {
    const files = readdirSync(new URL(`${name}/`, folder)).map((file) => ({
      name: file,
      text: readFileSync(new URL(`${name}/${file}`, folder), "utf8"),
    }));
    const { files: bundled, held } = bundleOf({ sources: files, asked: [] });
    expect(rowsOf([...bundled].map(([file, text]) => ({ name: file, text }))), held.join(", ")).toEqual(rowsOf(files));
  });
});
