/**
 * What would become of a request that came now: the same chain from headers and body to a decision, with nothing sent,
 * counted, learnt or drawn. The lot is drawn with the seed that the next live request gets, unless another is given.
 */
import type { InferenceRequest } from "../request/inference-request.ts";
import { isFormApi } from "../request/other-apis.ts";
import type { RouteHints } from "../routing/choose-pool.ts";
import type { Decision, PickReason } from "../routing/decision.ts";
import { isUncached } from "./answer.ts";
import { type DecidingHost, decide } from "./decide.ts";
import { decodeMessage } from "./decode-message.ts";
import { PickPhases } from "./pick-phases.ts";
import { SUBSET_KEY, SUBSET_NAMESPACE } from "./read-metadata.ts";
import { RequestHead } from "./request-head.ts";
import type { StreamHost } from "./stream-host.ts";
import { field, varintField } from "./wire.ts";

export interface AskedRequest {
  readonly method: string;
  readonly path: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** Plain, whatever the headers say of codings. */
  readonly body: Buffer;
  /** The addresses that the data plane would allow; undefined for all. */
  readonly subset?: readonly string[] | undefined;
  readonly seed?: number | undefined;
}

export interface Foreseen {
  readonly decision: Decision;
  readonly seed: number;
}

/** "listed": the picker would answer it itself, with the list of models. The router's trail tells of the decision. */
export function foresee(host: StreamHost, asked: AskedRequest): Foreseen | "listed" {
  const { settings, openStreams, router } = host;
  const message = decodeMessage(headersMessage(asked));
  const head = new RequestHead(message, settings.hintHeaders, !settings.ignoresSubset);
  const seed = asked.seed ?? router.nextSeed;
  const refused = (code: "overloaded" | "body_too_large" | "not_cached"): Foreseen => {
    router.forget();
    return { decision: { kind: "refused", code }, seed };
  };
  router.forget();
  if (openStreams.size >= settings.streamLimit) return refused("overloaded");
  if (head.asksForModels && host.listModels(head.hints) !== undefined) return "listed";
  const asIf = (reason: PickReason, body?: Buffer) => decide(frozen(host, seed), head, reason, body, false);
  const { form } = head;
  const { body } = asked;
  if (message.endOfStream || form.api === "none") return { decision: asIf("no_prompt"), seed };
  const isTooLarge = body.length > settings.bodyLimitBytes;
  if (isTooLarge && !isFormApi(form.api)) return refused("body_too_large");
  if (isTooLarge || form.unread !== undefined) return { decision: asIf("body_unread"), seed };
  const { budget } = host;
  if (budget.usedBytes + body.length > budget.limitBytes) return { decision: asIf("buffer_full"), seed };
  const decision = asIf("scored", body);
  if (decision.kind === "picked" && head.wantsCached && isUncached(decision)) return refused("not_cached");
  return { decision, seed };
}

/** The host, with everything that a decision moves held still. */
function frozen({ router, rewriter, objectives, settings, now }: StreamHost, seed: number): DecidingHost {
  return {
    ...{ objectives, settings, now, phases: new PickPhases() },
    router: {
      route: (request: InferenceRequest, reason: PickReason, hints: RouteHints) =>
        router.decide(request, reason, hints, seed),
      routeByInFlight: (reason: PickReason, hints: RouteHints) => router.decideByInFlight(reason, hints, seed),
    },
    rewriter: {
      renamingOf: (model, pool, asked) => rewriter.foresee(model, pool, asked),
      namesAll: (pool, asked) => rewriter.namesAll(pool, asked),
    },
    events: { bodyUnread: () => {}, fault: () => {} },
  };
}

/** Of a body that is given plain, and whole. */
const notTold: ReadonlySet<string> = new Set(["content-encoding", "content-length", "transfer-encoding"]);

/** ProcessingRequest { request_headers 2 { headers 1, end_of_stream 3 }, metadata_context 8 }. */
function headersMessage({ method, path, headers, body, subset }: AskedRequest): Buffer {
  const told = Object.entries(headers).filter(([name]) => !name.startsWith(":") && !notTold.has(name));
  const all: [string, string][] = [[":method", method], [":path", path], ...told];
  if (body.length > 0) all.push(["content-length", String(body.length)]);
  const map = field(1, ...all.map(([name, value]) => field(1, field(1, name), field(3, value))));
  const ends = body.length === 0 ? [END_OF_STREAM] : [];
  const metadata = subset === undefined ? [] : [subsetMetadata(subset)];
  return Buffer.concat([field(2, map, ...ends), ...metadata]);
}

/** end_of_stream 3: true. */
const END_OF_STREAM = varintField(3, 1);

/** metadata_context 8 { filter_metadata 1: map of Struct { fields 1: map of Value { string_value 3 } } }. */
function subsetMetadata(subset: readonly string[]): Buffer {
  const struct = field(1, field(1, SUBSET_KEY), field(2, field(3, subset.join(","))));
  return field(8, field(1, field(1, SUBSET_NAMESPACE), field(2, struct)));
}
