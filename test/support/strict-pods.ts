/** A pod that minds what it is sent, as vLLM does: 400 without a body, 404 for another model or path, else an answer. */
import http from "node:http";
import type { AddressInfo } from "node:net";

export interface StrictPod {
  readonly address: string;
  /** The bodies of its errors, as a client would save them. */
  readonly errors: readonly string[];
  close(): void;
}

export interface StrictPodOptions {
  readonly model?: string;
  /** Of its page of metrics. */
  readonly metrics?: number;
}

export async function startStrictPod({ model = "m", metrics = 200 }: StrictPodOptions = {}): Promise<StrictPod> {
  const errors: string[] = [];
  const server = http.createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { status, body } = answerTo(request.url ?? "", Buffer.concat(chunks).toString(), model, metrics);
    if (status >= 400 && request.url !== "/metrics") errors.push(body);
    response.writeHead(status, { "content-type": "application/json" }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    errors,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function answerTo(path: string, body: string, model: string, metrics: number): { status: number; body: string } {
  if (path === "/metrics") {
    const page = "vllm:num_requests_waiting 0\nvllm:num_requests_running 0\nvllm:kv_cache_usage_perc 0\n";
    return { status: metrics, body: metrics === 200 ? page : "" };
  }
  if (path === "/v1/models") return { status: 200, body: JSON.stringify({ data: [{ id: model }] }) };
  if (path !== "/v1/chat/completions") return { status: 404, body: JSON.stringify({ detail: "Not Found" }) };
  if (body === "")
    return failed(400, "[{'type': 'missing', 'loc': ('body',), 'msg': 'Field required', 'input': None}]");
  const { model: asked } = JSON.parse(body) as { model: string };
  if (asked !== model) return failed(404, `The model \`${asked}\` does not exist.`);
  return { status: 200, body: JSON.stringify({ object: "chat.completion", model }) };
}

function failed(code: number, message: string): { status: number; body: string } {
  return { status: code, body: JSON.stringify({ error: { message, type: "BadRequestError", param: null, code } }) };
}
