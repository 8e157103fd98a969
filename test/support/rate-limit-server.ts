/** A small rate limit service: each descriptor has the same budget, which is counted down as Envoy says; it keeps every call. */
import { fileURLToPath } from "node:url";
import grpc from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";

export interface LimitCall {
  readonly domain: string;
  /** `user=ann`, of several with commas. */
  readonly descriptor: string;
  readonly hits: number;
}

export interface RateLimitServer {
  readonly address: string;
  readonly calls: readonly LimitCall[];
  /** Below 0 where the last answer took more than was left. */
  left(descriptor: string): number;
  close(): void;
}

interface Descriptor {
  readonly entries: readonly { readonly key: string; readonly value: string }[];
  readonly hits_addend: { readonly value: string } | null;
}

interface LimitRequest {
  readonly domain: string;
  readonly descriptors: readonly Descriptor[];
  readonly hits_addend: number;
}

const file = fileURLToPath(new URL("../fixtures/rate-limit/rls.proto", import.meta.url));
const MINUTE = 2;

export async function startRateLimitServer(budget: number): Promise<RateLimitServer> {
  const loaded = protoLoader.loadSync(file, { keepCase: true, longs: String, defaults: true, enums: String });
  const spent = new Map<string, number>();
  const calls: LimitCall[] = [];
  const left = (descriptor: string) => budget - (spent.get(descriptor) ?? 0);
  /** Over where the budget is spent before the call: what an answer has cost is known only behind it. */
  const answer = (request: LimitRequest) => {
    const statuses = request.descriptors.map(({ entries, hits_addend: own }) => {
      const descriptor = entries.map(({ key, value }) => `${key}=${value}`).join(",");
      // A number of the descriptor's own counts in place of that of the request, of which 0 is none.
      const hits = own === null ? request.hits_addend || 1 : Number(own.value);
      const code = left(descriptor) > 0 ? "OK" : "OVER_LIMIT";
      calls.push({ domain: request.domain, descriptor, hits });
      spent.set(descriptor, (spent.get(descriptor) ?? 0) + hits);
      const current_limit = { requests_per_unit: budget, unit: MINUTE };
      return { code, current_limit, limit_remaining: Math.max(left(descriptor), 0) };
    });
    const isOver = statuses.some(({ code }) => code === "OVER_LIMIT");
    return { overall_code: isOver ? "OVER_LIMIT" : "OK", statuses };
  };
  const server = new grpc.Server();
  const service = loaded["envoy.service.ratelimit.v3.RateLimitService"] as grpc.ServiceDefinition;
  type Call = grpc.ServerUnaryCall<LimitRequest, object>;
  server.addService(service, {
    ShouldRateLimit: ({ request }: Call, done: grpc.sendUnaryData<object>) => done(null, answer(request)),
  });
  const port = await new Promise<number>((resolve, reject) => {
    const insecure = grpc.ServerCredentials.createInsecure();
    server.bindAsync("127.0.0.1:0", insecure, (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  return { address: `127.0.0.1:${port}`, calls, left, close: () => server.forceShutdown() };
}
