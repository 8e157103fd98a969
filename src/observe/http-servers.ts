/** The two HTTP ports: metrics and probes for the cluster, pods and decisions for the operator on loopback. */
import fastify, { type FastifyInstance } from "fastify";
import type { PodTable } from "../pods/pod-table.ts";
import type { DecisionTrace } from "./decision-trace.ts";
import type { Metrics } from "./metrics.ts";

/** Health in one sentence, and whether it is good. */
export interface Readiness {
  readonly ready: boolean;
  readonly sentence: string;
}

/** What the pods look like now, unknown readings as null. */
function podStates(table: PodTable): object[] {
  const known = (value: number | undefined) => (value === undefined || Number.isNaN(value) ? null : value);
  return table.pods().map((pod) => ({
    name: pod.name,
    address: pod.address,
    reachable: table.reachable[pod.slot] === 1,
    waiting: known(table.columns.waiting[pod.slot]),
    running: known(table.columns.running[pod.slot]),
    kvUsage: known(table.columns.kvUsage[pod.slot]),
    inFlight: known(table.columns.inFlight[pod.slot]),
  }));
}

export function metricsServer(metrics: Metrics, readiness: () => Readiness): FastifyInstance {
  const server = fastify({ forceCloseConnections: true });
  server.get("/metrics", async (_request, reply) =>
    reply.type("text/plain; version=0.0.4; charset=utf-8").send(await metrics.render()),
  );
  server.get("/livez", async () => "ok\n");
  server.get("/readyz", async (_request, reply) => {
    const { ready, sentence } = readiness();
    return reply.code(ready ? 200 : 503).send(`${sentence}\n`);
  });
  return server;
}

export interface AdminParts {
  readonly table: PodTable;
  readonly trace: DecisionTrace;
  readonly readiness: () => Readiness;
}

export function adminServer({ table, trace, readiness }: AdminParts): FastifyInstance {
  const server = fastify({ forceCloseConnections: true });
  server.get("/", async () => ({ status: readiness().sentence, pods: podStates(table), more: ["/debug/decisions"] }));
  server.get("/debug/pods", async () => podStates(table));
  server.get("/debug/decisions", async () => trace.latest());
  return server;
}

/** Resolves with the bound port. */
export async function listenHttp(server: FastifyInstance, host: string, port: number): Promise<number> {
  await server.listen({ host, port });
  const address = server.server.address();
  return typeof address === "object" && address !== null ? address.port : port;
}
