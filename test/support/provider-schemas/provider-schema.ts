/** What a provider's documents say of its requests, checked as strictly as it can be: the mock of the translators' suite. */
import type { Api } from "../../../src/request/inference-request.ts";
import type { ProviderRequest } from "../../../src/translators/translator.ts";
import { faultsOf, object, type Schema } from "../strict-schema.ts";

export interface RequestSchema {
  /** The path with its query, where the answer is to stream and where not. */
  readonly path: RegExp;
  readonly streamedPath: RegExp;
  /** Beside content-type. */
  readonly headers: Readonly<Record<string, Schema>>;
  readonly body: Schema;
}

export interface Provider {
  /** Of those that it has, by API: whichever carries the most of what its table says is carried. */
  readonly models: Readonly<Partial<Record<Api, string>>>;
  /** Where the defaults of the translator's options do not do. */
  readonly options?: Readonly<Record<string, string>>;
  readonly requests: Readonly<Partial<Record<Api, RequestSchema>>>;
}

export function requestFaults(schema: RequestSchema, request: ProviderRequest, streams: boolean): string[] {
  const { path, body, headers = {} } = request;
  const wanted = streams ? schema.streamedPath : schema.path;
  return [
    ...(wanted.test(path) ? [] : [`path: ${path}`]),
    ...faultsOf(object(schema.headers), headers, "headers"),
    // As it is sent: members that are undefined are none.
    ...faultsOf(schema.body, JSON.parse(JSON.stringify(body))),
  ];
}
