/** A gRPC port that serves health checks, in plaintext and TLS, with a list of what it refuses. */
import grpc from "@grpc/grpc-js";
import { GrpcPort } from "../../src/ext-proc/grpc-port.ts";
import { Health, healthDefinition } from "../../src/ext-proc/health.ts";
import { ResetGuard } from "../../src/ext-proc/reset-guard.ts";
import { selfSigned } from "../../src/ext-proc/self-signed.ts";

export const CHECK = "/grpc.health.v1.Health/Check";

export interface HealthPort {
  readonly grpcPort: GrpcPort;
  readonly port: number;
  readonly refusals: { kind: string; peer: string; detail: string }[];
}

export async function startHealthPort(): Promise<HealthPort> {
  const refusals: HealthPort["refusals"] = [];
  const { key, certificate } = selfSigned("test", new Date());
  const server = new grpc.Server({ "grpc.enable_channelz": 0 });
  const health = new Health();
  health.ready = true;
  server.addService(healthDefinition, health.handlers);
  const grpcPort = new GrpcPort({
    server,
    tls: grpc.ServerCredentials.createSsl(null, [{ private_key: key, cert_chain: certificate }], false),
    tlsOnly: false,
    methods: new Set([CHECK]),
    guard: new ResetGuard(
      () => 0,
      () => {},
    ),
    onRefused: (kind, peer, detail) => refusals.push({ kind, peer, detail }),
  });
  return { grpcPort, port: await grpcPort.listen({ host: "127.0.0.1", port: 0 }), refusals };
}
