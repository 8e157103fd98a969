/** The two HTTP ports: metrics and probes for the cluster, pods and decisions for the operator on loopback. */
import { Readable } from "node:stream";
import fastify, { type FastifyInstance } from "fastify";
import type { DecisionTrace } from "./decision-trace.ts";
import { addExplainRoutes, type ExplainParts } from "./explain-routes.ts";
import type { Logs } from "./log.ts";
import { addLogLevelRoutes } from "./log-level-routes.ts";
import type { Metrics } from "./metrics.ts";
import { type PodView, podStates } from "./pod-states.ts";
import type { Readiness } from "./readiness.ts";
import {
  addHeaders,
  addStatusRoutes,
  refuseForeignNames,
  refuseForeignPages,
  type StatusRoutes,
  sendPage,
  wantsPage,
} from "./status/status-routes.ts";

/** A request that takes longer to come is cut. */
const REQUEST_MS = 30_000;

export function metricsServer(metrics: Metrics, readiness: () => Readiness): FastifyInstance {
  const server = fastify({ forceCloseConnections: true, requestTimeout: REQUEST_MS });
  server.get("/metrics", async (_request, reply) =>
    reply.type("text/plain; version=0.0.4; charset=utf-8").send(Readable.from(metrics.parts())),
  );
  server.get("/livez", async () => "ok\n");
  server.get("/readyz", async (_request, reply) => {
    const { ready, sentence } = readiness();
    return reply.code(ready ? 200 : 503).send(`${sentence}\n`);
  });
  return server;
}

export interface AdminParts {
  readonly pods: PodView;
  readonly trace: DecisionTrace;
  readonly readiness: () => Readiness;
  /** What the status page shows. */
  readonly status: StatusRoutes;
  /** Whose levels can be changed there. */
  readonly logs?: Logs;
  /** Says where requests went, and where they would go. */
  readonly explain?: ExplainParts;
  /** Where it listens. */
  readonly adminAddress: string;
}

export function adminServer({
  pods,
  trace,
  readiness,
  status,
  adminAddress,
  logs,
  explain,
}: AdminParts): FastifyInstance {
  const server = fastify({ forceCloseConnections: true, requestTimeout: REQUEST_MS });
  refuseForeignNames(server, adminAddress);
  refuseForeignPages(server);
  addHeaders(server);
  server.get("/", async ({ headers: { accept } }, reply) => {
    if (wantsPage(accept)) return sendPage(reply);
    const more = ["/debug/decisions", "/debug/status", "/debug/config"];
    return { status: readiness().sentence, pods: podStates(pods), more };
  });
  addStatusRoutes(server, status);
  if (logs !== undefined) addLogLevelRoutes(server, logs);
  server.get("/debug/pods", async () => podStates(pods));
  server.get("/debug/decisions", async () => trace.latest());
  if (explain !== undefined) addExplainRoutes(server, explain);
  return server;
}

/** Resolves with the bound port. */
export async function listenHttp(server: FastifyInstance, host: string, port: number): Promise<number> {
  await server.listen({ host, port });
  const address = server.server.address();
  return typeof address === "object" && address !== null ? address.port : port;
}
