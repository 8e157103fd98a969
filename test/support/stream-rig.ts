/** A Stream with everything it needs, on a clock the test turns, answering into a list of decoded replies. */

import queueDepth from "../../scorers/queue-depth.ts";
import { EarlyEnds } from "../../src/accounting/early-ends.ts";
import { InFlight } from "../../src/accounting/in-flight.ts";
import { Latency } from "../../src/accounting/latency.ts";
import type { Pins } from "../../src/accounting/ticket-pins.ts";
import type { BackendBook } from "../../src/backends/backend-book.ts";
import { Accounts } from "../../src/costs/accounts.ts";
import type { CostRule } from "../../src/costs/cost-rule.ts";
import type { AssumedMode } from "../../src/ext-proc/body-mode.ts";
import type { Held } from "../../src/ext-proc/deadlines.ts";
import { decodeMessage } from "../../src/ext-proc/decode-message.ts";
import { PickReplies } from "../../src/ext-proc/destination-header.ts";
import {
  type BodySendMode,
  headerMap,
  type ProcessingRequest,
  type ProcessingResponse,
  protoMethods,
} from "../../src/ext-proc/messages.ts";
import { PickPhases } from "../../src/ext-proc/pick-phases.ts";
import { Stream } from "../../src/ext-proc/stream.ts";
import type {
  AnsweredRequest,
  BackendAnswer,
  CallHeader,
  StreamEnd,
  StreamHost,
  StreamPort,
} from "../../src/ext-proc/stream-host.ts";
import type { Served } from "../../src/ext-proc/watched.ts";
import { PodTable } from "../../src/pods/pod-table.ts";
import { defaultPoolSettings } from "../../src/pods/pool.ts";
import { Pools } from "../../src/pods/pools.ts";
import { ServedModels } from "../../src/pods/served-models.ts";
import { BufferBudget } from "../../src/request/body-buffer.ts";
import { type ColumnReader, wantedPhases } from "../../src/response/wanted-phases.ts";
import { RewriteBook } from "../../src/rewrite/rewrite-rules.ts";
import { Rewriter } from "../../src/rewrite/rewriter.ts";
import type { Decision, Picked } from "../../src/routing/decision.ts";
import { Lane } from "../../src/routing/lane.ts";
import { listModels } from "../../src/routing/list-models.ts";
import { Objectives } from "../../src/routing/objectives.ts";
import { Router } from "../../src/routing/router.ts";
import { ScoringPlan } from "../../src/routing/scoring-plan.ts";

export interface RigOptions {
  readonly pods?: readonly string[];
  readonly bodyLimitBytes?: number;
  readonly bufferLimitBytes?: number;
  readonly streamLimit?: number;
  readonly assumedMode?: AssumedMode;
  readonly readers?: readonly ColumnReader[];
  readonly pins?: Pins;
  readonly ignoresSubset?: boolean;
  readonly emitsScores?: boolean;
  readonly marksAnswers?: boolean;
  readonly tellsWhy?: boolean;
  readonly strategyHeader?: string;
  readonly saysAsAibrix?: boolean;
  /** How many pods a pick names. */
  readonly endpoints?: number;
  readonly costs?: readonly CostRule[];
  readonly backends?: BackendBook;
  readonly modelHeader?: string;
  readonly unknownBackend?: "continue" | "refuse";
  readonly payerHeader?: string;
  readonly payerMost?: number;
}

const { requestSerialize, responseDeserialize } = protoMethods().process;

export class StreamRig {
  readonly table = new PodTable();
  readonly models = new ServedModels();
  readonly pools = new Pools({ table: this.table, models: this.models });
  readonly outcomes: string[] = [];
  readonly picks: Picked[] = [];
  readonly refusals: string[] = [];
  readonly watched: [Decision, Served][] = [];
  readonly faults: string[] = [];
  readonly attempts: string[] = [];
  readonly backendAnswers: BackendAnswer[] = [];
  readonly routes: string[] = [];
  readonly costs: [key: string, value: number][] = [];
  readonly accounts = new Accounts();
  readonly answered: AnsweredRequest[] = [];
  readonly ends: StreamEnd[] = [];
  readonly unseen: string[] = [];
  readonly unread: string[] = [];
  readonly namedBack: string[] = [];
  readonly rewrites = new RewriteBook();
  readonly objectives = new Objectives();
  readonly held = new Set<Held>();
  readonly phases = new PickPhases();
  readonly inFlight: InFlight;
  readonly host: StreamHost;
  clockMs = 0;
  unstated = 0;
  learnt = 0;
  /** Set by a test to make a part of the pick fail. */
  breakRouting = false;

  constructor(options: RigOptions = {}) {
    const now = () => this.clockMs;
    const faults = { threw: () => {}, outOfRange: () => {} };
    const owner = { fill: () => {}, learn: () => undefined };
    this.inFlight = new InFlight(this.table, now, options.pins);
    this.table.reconcile((options.pods ?? ["10.0.0.1:8000"]).map((address) => ({ name: address, address })));
    const plan = new ScoringPlan([{ scorer: queueDepth, weight: 1 }], faults);
    const { table, pools } = this;
    // Known readings, so that the scorers are asked.
    table.columns.waiting.fill(0);
    pools.obtain("default", defaultPoolSettings).assign(table.pods());
    const lane = new Lane({ table, plan, owners: { prefixHit: owner }, endpoints: options.endpoints ?? 1 });
    const router = new Router({ table, pools, lanes: new Map([["default", lane]]), random: () => 0 });
    const route = router.route.bind(router);
    router.route = (request, reason, hints) => {
      if (this.breakRouting) throw new Error("broken by the test");
      return route(request, reason, hints);
    };
    router.learn = () => {
      this.learnt++;
      return undefined;
    };
    this.host = {
      router,
      rewriter: new Rewriter({ book: this.rewrites, pools, random: () => 0 }),
      objectives: this.objectives,
      backends: options.backends,
      inFlight: this.inFlight,
      outcomes: {
        picked: () => {},
        failed: (pod, kind) => this.outcomes.push(`${pod.name} failed: ${kind}`),
        succeeded: (pod) => this.outcomes.push(`${pod.name} succeeded`),
      },
      times: new Latency(table, now),
      wanted: wantedPhases(options.readers ?? []),
      podAt: (address) => table.byAddress(address),
      listModels: (hints) => listModels(pools, table, hints),
      costs: options.costs ?? [],
      accounts: this.accounts,
      earlyEnds: new EarlyEnds(),
      replies: new PickReplies(),
      budget: new BufferBudget(options.bufferLimitBytes ?? 1e9),
      // The real one sweeps on a timer; here `advance` does.
      deadlines: this.held as unknown as StreamHost["deadlines"],
      phases: this.phases,
      settings: {
        bodyLimitBytes: options.bodyLimitBytes ?? 1e6,
        streamLimit: options.streamLimit ?? 100,
        assumedMode: options.assumedMode ?? "auto",
        hintHeaders: router.headers.map((name) => ({ name, bytes: Buffer.from(name) })),
        modelHeaders: [Buffer.from("model"), Buffer.from("x-ai-eg-model")],
        ignoresSubset: options.ignoresSubset ?? false,
        emitsScores: options.emitsScores ?? false,
        marksAnswers: options.marksAnswers ?? false,
        tellsWhy: options.tellsWhy ?? false,
        strategyHeader: options.strategyHeader,
        saysAsAibrix: options.saysAsAibrix ?? false,
        modelHeader: options.modelHeader,
        unknownBackend: options.unknownBackend ?? "continue",
        payerHeader: options.payerHeader === undefined ? undefined : Buffer.from(options.payerHeader),
        payerMost: options.payerMost ?? 0,
        answerDeadlineMs: 140,
        guessMs: 100,
        silenceMs: 5000,
      },
      events: {
        message: () => {},
        picked: (decision) => this.picks.push(decision),
        timed: () => {},
        foreseen: () => {},
        refused: ({ code }) => this.refusals.push(code),
        bodyUnseen: (mode) => this.unseen.push(mode),
        bodyUnread: (why) => this.unread.push(why),
        wantsRequestId: false,
        answersUnseen: (mode) => this.unseen.push(`answers ${mode}`),
        askedAfterChoice: (peer) => this.unseen.push(`after choice ${peer}`),
        headersUnseen: () => this.unseen.push("headers"),
        modeUnstated: () => this.unstated++,
        watched: (wouldBe, served) => this.watched.push([wouldBe, served]),
        fault: (where) => this.faults.push(where),
        attemptMade: (backend, attempt) => this.attempts.push(`${backend} ${attempt}`),
        attemptRefused: (code, backend) => this.attempts.push(`${backend} refused: ${code}`),
        attemptUnfit: (flaw, name) => this.attempts.push(`${name} unfit: ${flaw}`),
        backendAnswered: (answer) => this.backendAnswers.push(answer),
        routed: (by) => this.routes.push(by),
        routeRefused: (code) => this.routes.push(code),
        answered: (answer) => this.answered.push(answer),
        namedBack: (how) => this.namedBack.push(how),
        ended: (_port, end) => this.ends.push(end),
        cost: (key, value) => this.costs.push([key, value]),
        costUnknown: (key) => this.faults.push(`cost ${key}`),
      },
      openStreams: new Set(),
      now,
    };
  }

  /** `phase` is what the filter's gRPC call says of its place. */
  open(peer = "envoy:1", phase = ""): RiggedStream {
    return new RiggedStream(this.host, peer, phase);
  }

  /** Turns the clock and calls what has come due. */
  advance(ms: number): void {
    this.clockMs += ms;
    for (const held of this.held) if (held.dueAtMs <= this.clockMs) held.onDue();
  }

  /** Requests in flight over all pods. */
  get inFlightCount(): number {
    return this.table.pods().reduce((sum, pod) => sum + (this.table.columns.inFlight[pod.slot] ?? 0), 0);
  }
}

export class RiggedStream {
  readonly replies: ProcessingResponse[] = [];
  status: number | undefined;
  readonly port: StreamPort;
  readonly stream: Stream;

  constructor(host: StreamHost, peer: string, phase = "") {
    this.port = {
      callHeader: (name: CallHeader) => (name === "x-pointsman-phase" ? phase : ""),
      send: (bytes) => this.replies.push(responseDeserialize(bytes)),
      end: (code) => {
        this.status = code;
      },
      peer: () => peer,
    };
    this.stream = new Stream(this.port, host);
  }

  send(message: ProcessingRequest): this {
    this.stream.on(decodeMessage(requestSerialize(message)));
    return this;
  }

  headers(mode: BodySendMode | "missing", options: HeaderOptions = {}): this {
    const {
      path = "/v1/completions",
      end = false,
      response = "NONE",
      early = false,
      headers = end ? {} : { "content-length": "30" },
      shadow = false,
    } = options;
    return this.send({
      request_headers: {
        headers: headerMap({ ":path": path, "x-request-id": "id-of-envoy", ...headers }),
        end_of_stream: end,
      },
      observability_mode: shadow,
      ...(mode === "missing"
        ? {}
        : {
            protocol_config: {
              request_body_mode: mode,
              response_body_mode: response,
              send_body_without_waiting_for_header_response: early,
            },
          }),
    });
  }

  body(text: string | Buffer, end = true, shadow = false): this {
    return this.send({ request_body: { body: Buffer.from(text), end_of_stream: end }, observability_mode: shadow });
  }

  trailers(): this {
    return this.send({ request_trailers: { trailers: headerMap({ "x-sum": "1" }) } });
  }

  /** Replies in short: kind, destination or streamed text, in order. */
  get story(): string[] {
    return this.replies.map(tell);
  }
}

export interface HeaderOptions {
  readonly path?: string;
  readonly end?: boolean;
  readonly response?: BodySendMode;
  readonly early?: boolean;
  readonly shadow?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

function tell(reply: ProcessingResponse): string {
  const kind = reply.response ?? "nothing";
  if (reply.immediate_response !== undefined) return `immediate ${reply.immediate_response.status?.code}`;
  const common = (reply.request_headers ?? reply.request_body ?? reply.response_headers ?? reply.response_body)
    ?.response;
  const destination = common?.header_mutation?.set_headers?.[0]?.header?.raw_value?.toString();
  const streamed = common?.body_mutation?.streamed_response;
  if (destination !== undefined) return `${kind} -> ${destination}`;
  if (streamed === undefined) return kind;
  return `${kind} "${streamed.body?.toString() ?? ""}"${streamed.end_of_stream === true ? " end" : ""}`;
}
