/** The two HTTP ports: metrics and probes for the cluster, pods and decisions for the operator on loopback. */
import { Readable } from "node:stream";
import fastify, { type FastifyInstance } from "fastify";
import type { DecisionTrace } from "./decision-trace.ts";
import type { Metrics } from "./metrics.ts";
import { type PodView, podStates } from "./pod-states.ts";
import type { Readiness } from "./readiness.ts";

export function metricsServer(metrics: Metrics, readiness: () => Readiness): FastifyInstance {
  const server = fastify({ forceCloseConnections: true });
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
}

export function adminServer({ pods, trace, readiness }: AdminParts): FastifyInstance {
  const server = fastify({ forceCloseConnections: true });
  server.get("/", async () => ({ status: readiness().sentence, pods: podStates(pods), more: ["/debug/decisions"] }));
  server.get("/debug/pods", async () => podStates(pods));
  server.get("/debug/decisions", async () => trace.latest());
  return server;
}

/** Resolves with the bound port. */
export async function listenHttp(server: FastifyInstance, host: string, port: number): Promise<number> {
  await server.listen({ host, port });
  const address = server.server.address();
  return typeof address === "object" && address !== null ? address.port : port;
}
