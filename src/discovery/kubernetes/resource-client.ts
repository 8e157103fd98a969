/** Asks the API server for one resource, one request at a time, each with an end. */
import { hungProblem, problemOfStatus, type Resource } from "./api-problem.ts";
import type { Api, ApiAnswer, Query } from "./kubernetes-api.ts";
import { readText } from "./read-lines.ts";

const ERROR_LIMIT_BYTES = 64 * 1024;

export class ResourceClient {
  readonly #api: Api;
  readonly #resource: Resource;
  readonly #path: string;
  readonly #selectors: Query;
  #request: AbortController | undefined;
  #stopped = false;

  constructor(api: Api, resource: Resource) {
    const { group, version, plural, namespace, labelSelector, fieldSelector } = resource;
    const root = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
    const place = namespace === undefined ? "" : `/namespaces/${encodeURIComponent(namespace)}`;
    this.#api = api;
    this.#resource = resource;
    this.#path = `${root}${place}/${plural}`;
    this.#selectors = { ...(labelSelector && { labelSelector }), ...(fieldSelector && { fieldSelector }) };
  }

  /** Rejects with an ApiProblem for an answer other than 200 and for one that has not ended after so many seconds. */
  async ask<R>(query: Query, seconds: number, use: (answer: ApiAnswer) => Promise<R>): Promise<R> {
    const controller = new AbortController();
    this.#request = controller;
    const hung = hungProblem(this.#resource, seconds);
    const timer = setTimeout(() => controller.abort(hung), seconds * 1_000).unref();
    try {
      if (this.#stopped) throw hung;
      const answer = await this.#api.get(this.#path, { ...this.#selectors, ...query }, controller.signal);
      if (answer.status !== 200) throw await this.#refusal(answer);
      return await use(answer);
    } catch (error) {
      throw controller.signal.aborted ? hung : error;
    } finally {
      clearTimeout(timer);
      // Lets go of the connection if the answer was not read to its end.
      controller.abort(hung);
    }
  }

  /** Ends the request under way; none follows. */
  stop(): void {
    this.#stopped = true;
    this.#request?.abort();
  }

  async #refusal(answer: ApiAnswer): Promise<Error> {
    const said: unknown = await readText(answer.body, ERROR_LIMIT_BYTES)
      .then(JSON.parse)
      .catch(() => undefined);
    return problemOfStatus(answer.status, said, this.#resource);
  }
}
