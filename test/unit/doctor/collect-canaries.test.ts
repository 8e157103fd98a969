/** A canary in every place where people were seen to have secrets and prompts: a bundle keeps what it knows, and none of them. */
import { expect, test } from "vitest";
import { bundleOf } from "../../../src/doctor/collect.ts";
import type { Source } from "../../../src/doctor/diagnose.ts";

/** What each stands for, by the canary: a leak is named. */
const places = new Map<string, string>();
function hide(place: string): string {
  const word = `Canary${places.size + 1}Qx`;
  places.set(word, place);
  return word;
}

const http = "type.googleapis.com/envoy.extensions.filters.http";
const typed = (type: string, fields: object) => ({ typed_config: { "@type": `${http}.${type}`, ...fields } });

const filters = [
  {
    name: "key",
    ...typed("api_key_auth.v3.ApiKeyAuth", { credentials: [{ key: hide("api_key_auth"), client: "a" }] }),
  },
  { name: "basic", ...typed("basic_auth.v3.BasicAuth", { users: { inline_string: `u:{SHA}${hide("htpasswd")}` } }) },
  {
    name: "lua",
    ...typed("lua.v3.Lua", { default_source_code: { inline_string: `h:add('x-api-key','${hide("Lua")}')` } }),
  },
  {
    name: "wasm",
    ...typed("wasm.v3.Wasm", {
      config: {
        configuration: { value: JSON.stringify({ openai: hide("wasm"), system_prompt: hide("wasm prompt") }) },
      },
    }),
  },
  {
    name: "other",
    ...typed("vendor.v3.Anything", { name: hide("a name of an unknown filter"), path: hide("a path") }),
  },
  {
    name: "ext_proc",
    ...typed("ext_proc.v3.ExternalProcessor", {
      grpc_service: {
        envoy_grpc: { cluster_name: "picker" },
        initial_metadata: [{ key: "authorization", value: hide("initial_metadata") }],
      },
    }),
  },
];

const routes = [
  {
    match: {
      prefix: "/v1",
      headers: [
        { name: "authorization", exact_match: hide("exact_match") },
        { name: "x-team", string_match: { safe_regex: { regex: hide("regex of a header") } } },
        { name: "x-team", string_match: { prefix: hide("prefix of a header") } },
        { name: "x-gateway-model-name", string_match: { exact: "llama-kept" } },
      ],
      query_parameters: [{ name: "q", string_match: { exact: hide("query parameter") } }],
    },
    route: { cluster: "pods" },
    metadata: { filter_metadata: { own: { anything: hide("metadata"), nested: [{ a: hide("nested metadata") }] } } },
    request_headers_to_add: [{ header: { key: "x-goog", value: hide("header to add") } }],
  },
  { match: { path: "/x" }, direct_response: { status: 200, body: { inline_string: hide("direct response") } } },
];

const config = {
  static_resources: {
    listeners: [
      {
        name: "requests",
        filter_chains: [
          {
            filters: [
              {
                typed_config: {
                  "@type":
                    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                  stat_prefix: "requests",
                  http_filters: filters,
                  route_config: { virtual_hosts: [{ domains: ["*"], routes }] },
                },
              },
            ],
            transport_socket: { typed_config: { tls_certificates: [{ private_key: { inline_string: hide("key") } }] } },
          },
        ],
      },
    ],
    secrets: [
      { name: "a", generic_secret: { secret: { inline_string: hide("generic_secret") } } },
      { name: "b", session_ticket_keys: { keys: [{ inline_string: hide("session_ticket_keys") }] } },
    ],
  },
  node: { metadata: { name: hide("node metadata") } },
  layered_runtime: { layers: [{ static_layer: { name: hide("runtime") } }] },
};

const container = {
  name: "vllm",
  command: ["/bin/sh", "-c"],
  args: [
    `export HF=${hide("variable in a command")}; exec vllm serve --port 8000 --api-key ${hide("sh -c")} --served-model-name llama-kept`,
  ],
  env: ["HF_TOKEN", "REDIS_PWD", "OTEL_EXPORTER_OTLP_HEADERS", "SYSTEM_PROMPT", "PLAIN"].map((name) => ({
    name,
    value: hide(`env ${name}`),
  })),
};
const pod = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    name: "vllm-0",
    labels: { app: "vllm-kept" },
    annotations: { "rke.io/applied": JSON.stringify({ env: hide("annotation") }) },
  },
  spec: {
    containers: [
      container,
      {
        name: "b",
        args: ["--api-key", hide("--api-key"), `--api_key=${hide("--api_key=")}`, "--system-prompt", hide("prompt")],
      },
      { name: "c", args: ["--chat-template", `You are ${hide("template")}`, hide("a word by itself")] },
    ],
  },
  status: { containerStatuses: [{ lastState: { terminated: { message: hide("last words of a container") } } }] },
};
const objects = [
  pod,
  {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "s" },
    data: { path: hide("Secret") },
    stringData: { a: hide("stringData") },
  },
  { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c" }, data: { name: hide("ConfigMap") } },
  {
    apiVersion: "gateway.envoyproxy.io/v1alpha1",
    kind: "EnvoyProxy",
    spec: { bootstrap: { value: `a:\n  private_key: ${hide("bootstrap text")}\n` } },
  },
  {
    apiVersion: "networking.istio.io/v1alpha3",
    kind: "EnvoyFilter",
    spec: {
      configPatches: [{ patch: { value: { typed_config: { inlineCode: `add('x','${hide("inlineCode")}')` } } } }],
    },
  },
  {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "HTTPRoute",
    metadata: { name: "r" },
    spec: {
      rules: [
        { filters: [{ requestHeaderModifier: { set: [{ name: "x-goog", value: hide("requestHeaderModifier") }] } }] },
      ],
    },
    status: { parents: [{ conditions: [{ type: "Accepted", status: "False", message: "BackendNotFound kept" }] }] },
  },
  { apiVersion: "vendor.io/v1", kind: "Account", metadata: { name: "acc" }, spec: { name: hide("a kind of others") } },
];

const line = {
  response_code: 503,
  response_flags: "UH",
  response_code_details: "no_healthy_upstream",
  path: `/v1/chat/completions?key=${hide("query")}`,
  upstream_cluster: "pods-kept",
};
const own =
  "req user_prompt prompt_text gen_ai.prompt llm.input x-user-message session authorization cookie anything".split(" ");
const access = [
  JSON.stringify({ ...line, ...Object.fromEntries(own.map((name) => [name, hide(`access field ${name}`)])) }),
  JSON.stringify({ ...line, response_code_details: `ext_proc_error_gRPC_error_2{${hide("words of the picker")}}` }),
  JSON.stringify({ ...line, upstream_cluster: `a cluster ${hide("blanks in a name")}` }),
  `[2026-01-01T00:00:00.000Z] "POST /v1/chat?q=${hide("query")} HTTP/1.1" 503 UH no_healthy_upstream - "-" 0 19 0 - "-" "${hide("user agent")}" "id" "${hide("authority")}" "-" outbound-kept - - - - original_route "ApiKey ${hide("key at the end")}" "{\\"messages\\":[{\\"content\\":\\"${hide("body at the end")}\\"}]}"`,
  `[2026-01-01T00:00:00.000Z] "POST /v1/chat HTTP/1.1" 503 UH 0 19 0 - "-" "curl" "id" "host" "-" "${hide("own field")}"`,
];

const log = [
  `ERROR Field required request={"user_message":"${hide("behind the sign")}"}`,
  `ERROR question="${hide("before the sign")}" error="The model \`llama\` does not exist."`,
  `{"level":"error","msg":"The model llama does not exist","chat":[{"say":"${hide("JSON")}"}]}`,
  `ERROR no space left on device Prompt was "${hide("quoted")}"`,
  `ERROR The model \`llama\` does not exist. Authorization: ApiKey ${hide("ApiKey")}`,
  `[warning] Received gRPC error on stream: 2, message cannot read ${hide("words of the server")}`,
  `ERROR config rejected: bad value "${hide("a value that was refused")}"`,
  `INFO Received request cmpl-1: prompt: '${hide("no sign at all")}'`,
];

const metrics = `# TYPE pointsman_x gauge\npointsman_x{token="${hide("label")}",code="no_pods"} 1\npointsman_y 2\n`;
const server = { version: "a/1.40.0/Clean", state: "LIVE", command_line_options: { config_yaml: hide("config_yaml") } };

const sources: readonly Source[] = [
  { name: "config_dump.json", text: JSON.stringify(config) },
  { name: "objects.json", text: JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }) },
  { name: "access.log", text: access.join("\n") },
  { name: "pod.log", text: log.join("\n") },
  { name: "metrics.txt", text: metrics },
  { name: "server_info.json", text: JSON.stringify(server) },
  {
    name: "answer.json",
    text: JSON.stringify({ error: { message: "Field required", input: hide("a saved answer") } }),
  },
  { name: "notes.conf", text: `api_key=${hide("a file of no kind")}` },
  { name: "any.json", text: JSON.stringify({ name: hide("JSON of no kind") }) },
];

const { files, held } = bundleOf({ sources, asked: [] });
const bundle = [...files].map(([name, text]) => `== ${name}\n${text}`).join("\n");

test("no canary is in the bundle", () => {
  const all = sources.map(({ text }) => text).join("\n");
  expect(places.size).toBeGreaterThan(60);
  expect([...places].filter(([word]) => !all.includes(word))).toEqual([]);
  expect([...places].filter(([word]) => bundle.includes(word)).map(([, place]) => place)).toEqual([]);
});

test("what was known is", () => {
  const kept = [
    "llama-kept",
    "vllm-kept",
    "BackendNotFound kept",
    "pods-kept",
    "outbound-kept",
    "original_route",
    '"prefix":"/v1"',
  ];
  const words = [
    ...kept,
    "api_key_auth.v3.ApiKeyAuth",
    "--port 8000",
    "no_healthy_upstream",
    'code="no_pods"',
    "1.40.0",
    "gRPC error on stream: 2",
  ];
  expect(words.filter((word) => !bundle.includes(word))).toEqual([]);
  expect(held).toEqual(["notes.conf", "any.json"]);
});
