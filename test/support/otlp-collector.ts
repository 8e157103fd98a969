/** A small OpenTelemetry collector: takes spans over HTTP (protobuf) and over gRPC, and hands them out decoded. */
import http from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import grpc from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";

export interface CollectedSpan {
  readonly service: string;
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** "" for a root. */
  readonly parentId: string;
  readonly state: string;
  readonly kind: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, string | number | boolean>>;
  readonly events: readonly string[];
  /** Of the status, where it is an error; "" elsewhere. */
  readonly error: string;
}

export interface OtlpCollector {
  readonly httpPort: number;
  readonly grpcPort: number;
  readonly spans: readonly CollectedSpan[];
  /** All bytes that came, as they came. */
  readonly raw: readonly Buffer[];
  /** The headers of the HTTP requests. */
  readonly headers: readonly http.IncomingHttpHeaders[];
  /** Waits for `count` spans, and fails with all that came where they do not come. */
  received(count: number, accepts?: (span: CollectedSpan) => boolean): Promise<CollectedSpan[]>;
  close(): Promise<void>;
}

interface KeyValue {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}
interface RawSpan {
  readonly traceId: Buffer;
  readonly spanId: Buffer;
  readonly parentSpanId?: Buffer;
  readonly traceState?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly KeyValue[];
  readonly events: readonly { readonly name: string }[];
  readonly status?: { readonly message?: string; readonly code: number } | null;
}
interface RawRequest {
  readonly resourceSpans: readonly {
    readonly resource?: { readonly attributes: readonly KeyValue[] } | null;
    readonly scopeSpans: readonly { readonly spans: readonly RawSpan[] }[];
  }[];
}

const SERVICE = "opentelemetry.proto.collector.trace.v1.TraceService";
const POLL_MS = 10;
/** Envoy sends its spans every five seconds. */
const PATIENCE_MS = 30_000;
const ERROR = 2;
const file = fileURLToPath(new URL("../fixtures/otlp/trace.proto", import.meta.url));
const service = protoLoader.loadSync(file, { longs: String, arrays: true })[SERVICE] as grpc.ServiceDefinition;

export async function startCollector(): Promise<OtlpCollector> {
  const spans: CollectedSpan[] = [];
  const raw: Buffer[] = [];
  const headers: http.IncomingHttpHeaders[] = [];
  const { requestDeserialize } = service["Export"] as grpc.MethodDefinition<object, RawRequest>;
  const take = (bytes: Buffer) => {
    raw.push(bytes);
    spans.push(...spansIn(requestDeserialize(bytes) as unknown as RawRequest));
  };
  const web = http.createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    headers.push(request.headers);
    take(Buffer.concat(chunks));
    response.writeHead(200, { "content-type": "application/x-protobuf" }).end();
  });
  await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
  const server = new grpc.Server();
  const definition = { Export: { ...service["Export"], requestDeserialize: (bytes: Buffer) => bytes } };
  server.addService(definition as unknown as grpc.ServiceDefinition, {
    Export: (call: { request: Buffer }, done: (error: null, reply: object) => void) => {
      take(call.request);
      done(null, {});
    },
  });
  const grpcPort = await new Promise<number>((resolve, reject) => {
    const bound = (error: Error | null, port: number) => (error ? reject(error) : resolve(port));
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), bound);
  });
  return {
    httpPort: (web.address() as AddressInfo).port,
    grpcPort,
    spans,
    raw,
    headers,
    received: async (count, accepts = () => true) => {
      const endsAt = Date.now() + PATIENCE_MS;
      while (Date.now() < endsAt) {
        const found = spans.filter(accepts);
        if (found.length >= count) return found;
        await delay(POLL_MS);
      }
      throw new Error(`no ${count} such spans came: ${JSON.stringify(spans)}`);
    },
    close: async () => {
      server.forceShutdown();
      web.closeAllConnections();
      await new Promise((resolve) => web.close(resolve));
    },
  };
}

function spansIn({ resourceSpans }: RawRequest): CollectedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const serviceName = attributesOf(resource?.attributes ?? [])["service.name"];
    return scopeSpans.flatMap((scope) => scope.spans.map((span) => collected(span, String(serviceName ?? ""))));
  });
}

function collected(span: RawSpan, serviceName: string): CollectedSpan {
  return {
    service: serviceName,
    name: span.name,
    traceId: span.traceId.toString("hex"),
    spanId: span.spanId.toString("hex"),
    parentId: span.parentSpanId?.toString("hex") ?? "",
    state: span.traceState ?? "",
    kind: span.kind,
    startMs: Number(BigInt(span.startTimeUnixNano) / 1000n) / 1000,
    endMs: Number(BigInt(span.endTimeUnixNano) / 1000n) / 1000,
    attributes: attributesOf(span.attributes),
    events: span.events.map(({ name }) => name),
    error: span.status?.code === ERROR ? (span.status.message ?? "no message") : "",
  };
}

function attributesOf(pairs: readonly KeyValue[]): Record<string, string | number | boolean> {
  const plainValue = ({ value }: KeyValue) => {
    const { stringValue, boolValue, intValue, doubleValue } = value;
    return (stringValue ?? boolValue ?? (intValue === undefined ? doubleValue : Number(intValue))) as string;
  };
  return Object.fromEntries(pairs.map((pair) => [pair.key, plainValue(pair)]));
}
