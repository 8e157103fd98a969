/**
 * The ext_proc and health messages as plain objects, through proto-loader and proto/: for clients, tests and as the
 * oracle of our own codec. The picker itself never loads this; it reads and writes bytes.
 */
import { fileURLToPath } from "node:url";
import type { MethodDefinition } from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";

export type BodySendMode = "NONE" | "STREAMED" | "BUFFERED" | "BUFFERED_PARTIAL" | "FULL_DUPLEX_STREAMED" | "GRPC";
export type HealthStatus = "UNKNOWN" | "SERVING" | "NOT_SERVING" | "SERVICE_UNKNOWN";

export interface HeaderValue {
  readonly key: string;
  readonly value?: string;
  readonly raw_value?: Buffer;
}
export interface HeaderMap {
  readonly headers?: readonly HeaderValue[];
}
export interface StructValue {
  readonly stringValue?: string;
  readonly numberValue?: number;
  readonly boolValue?: boolean;
  readonly nullValue?: "NULL_VALUE";
  readonly structValue?: Struct;
  readonly listValue?: { readonly values?: readonly StructValue[] };
}
export interface Struct {
  readonly fields?: { readonly [name: string]: StructValue };
}
export interface HttpHeaders {
  readonly headers?: HeaderMap;
  readonly end_of_stream?: boolean;
}
export interface HttpBody {
  readonly body?: Buffer;
  readonly end_of_stream?: boolean;
}
interface HttpTrailers {
  readonly trailers?: HeaderMap;
}

/** What Envoy sends: one of the six kinds, the rest is context. */
export interface ProcessingRequest {
  readonly request_headers?: HttpHeaders;
  readonly response_headers?: HttpHeaders;
  readonly request_body?: HttpBody;
  readonly response_body?: HttpBody;
  readonly request_trailers?: HttpTrailers;
  readonly response_trailers?: HttpTrailers;
  readonly metadata_context?: { readonly filter_metadata?: { readonly [namespace: string]: Struct } };
  readonly attributes?: { readonly [filter: string]: Struct };
  readonly observability_mode?: boolean;
  readonly protocol_config?: {
    readonly request_body_mode?: BodySendMode;
    readonly response_body_mode?: BodySendMode;
    readonly send_body_without_waiting_for_header_response?: boolean;
  };
}

interface HeaderMutation {
  readonly set_headers?: readonly { readonly header?: HeaderValue; readonly append_action?: string }[];
  readonly remove_headers?: readonly string[];
}
interface CommonResponse {
  readonly status?: "CONTINUE" | "CONTINUE_AND_REPLACE";
  readonly header_mutation?: HeaderMutation;
  readonly body_mutation?: {
    readonly body?: Buffer;
    readonly clear_body?: boolean;
    readonly streamed_response?: HttpBody;
  };
  readonly clear_route_cache?: boolean;
}
interface PhaseResponse {
  readonly response?: CommonResponse;
}
interface TrailersResponse {
  readonly header_mutation?: HeaderMutation;
}

/** What the picker answers; `response` names the kind. Absent fields stay absent, nothing is defaulted. */
export interface ProcessingResponse {
  readonly response?: string;
  readonly request_headers?: PhaseResponse;
  readonly response_headers?: PhaseResponse;
  readonly request_body?: PhaseResponse;
  readonly response_body?: PhaseResponse;
  readonly request_trailers?: TrailersResponse;
  readonly response_trailers?: TrailersResponse;
  readonly immediate_response?: {
    readonly status?: { readonly code?: number };
    readonly headers?: HeaderMutation;
    readonly body?: Buffer;
    readonly details?: string;
  };
  readonly dynamic_metadata?: Struct;
}

type Method<Request, Reply> = MethodDefinition<Request, Reply>;
interface Methods {
  readonly process: Method<ProcessingRequest, ProcessingResponse>;
  readonly check: Method<{ service?: string }, { status?: HealthStatus }>;
}

const files = ["external_processor.proto", "health.proto"];
let loaded: Methods | undefined;

/** Paths, serializers and deserializers of every method in proto/; the files are read once, at first use. */
export function protoMethods(): Methods {
  loaded ??= loadMethods();
  return loaded;
}

function loadMethods(): Methods {
  const directory = fileURLToPath(new URL("../../proto", import.meta.url));
  const options = { includeDirs: [directory], keepCase: true, longs: Number, enums: String, oneofs: true };
  const definition = protoLoader.loadSync(files, options);
  const method = (service: string, name: string) => {
    const found = (definition[service] as Record<string, unknown> | undefined)?.[name];
    if (found === undefined) throw new Error(`proto/ defines no ${service}/${name}`);
    return found;
  };
  return {
    process: method("envoy.service.ext_proc.v3.ExternalProcessor", "Process") as Methods["process"],
    check: method("grpc.health.v1.Health", "Check") as Methods["check"],
  };
}

/** Headers the way Envoy writes them: lower-case keys, values in raw_value. */
export function headerMap(headers: Readonly<Record<string, string>>): HeaderMap {
  return { headers: Object.entries(headers).map(([key, value]) => ({ key, raw_value: Buffer.from(value) })) };
}

/** The header mutation of a reply of any kind, as name -> value. */
export function mutatedHeaders(reply: ProcessingResponse): Map<string, string> {
  const mutation =
    reply.immediate_response?.headers ??
    reply.request_headers?.response?.header_mutation ??
    reply.request_body?.response?.header_mutation ??
    reply.response_headers?.response?.header_mutation ??
    reply.request_trailers?.header_mutation;
  const headers = new Map<string, string>();
  for (const { header } of mutation?.set_headers ?? []) {
    if (header !== undefined) headers.set(header.key, header.raw_value?.toString() ?? header.value ?? "");
  }
  return headers;
}
