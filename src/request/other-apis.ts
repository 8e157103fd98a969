/** The APIs whose bodies are no JSON, as data: multipart forms and gRPC. What is read of them is in their readers. */
import { apiOfPath } from "./apis.ts";
import type { Api, FormApi, GrpcApi } from "./inference-request.ts";

export interface OtherApiSpec {
  readonly summary: string;
  /** The end of its paths; whatever stands before it. */
  readonly path: string;
}

export const formApis: Readonly<Record<FormApi, OtherApiSpec>> = {
  transcriptions: { summary: "OpenAI: a recording as text", path: "/audio/transcriptions" },
  translations: { summary: "OpenAI: a recording as English text", path: "/audio/translations" },
  "image-edits": { summary: "OpenAI: images changed by a text", path: "/images/edits" },
  "image-variations": { summary: "OpenAI: variations of an image", path: "/images/variations" },
};

export const grpcApis: Readonly<Record<GrpcApi, OtherApiSpec>> = {
  "grpc-generate": {
    summary: "vLLM's gRPC: text or tokens in, tokens out",
    path: "/vllm.grpc.engine.VllmEngine/Generate",
  },
  "grpc-embed": { summary: "vLLM's gRPC: an embedding of tokens", path: "/vllm.grpc.engine.VllmEngine/Embed" },
};

const others = [...Object.entries(formApis), ...Object.entries(grpcApis)] as readonly (readonly [
  FormApi | GrpcApi,
  OtherApiSpec,
])[];

export function isFormApi(api: Api): api is FormApi {
  return Object.hasOwn(formApis, api);
}

export function isGrpcApi(api: Api): api is GrpcApi {
  return Object.hasOwn(grpcApis, api);
}

/** Of all kinds, JSON first; the query is not read. */
export function anyApiOfPath(path: string): Api {
  const api = apiOfPath(path);
  if (api !== "none") return api;
  const query = path.indexOf("?");
  const end = query === -1 ? path.length : query;
  return others.find(([, spec]) => path.endsWith(spec.path, end))?.[0] ?? "none";
}
