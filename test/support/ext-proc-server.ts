/** An ext_proc server of a few lines, written on our own proto: plays the servers that gateways bring along themselves. */
import grpc from "@grpc/grpc-js";
import { type ProcessingRequest, type ProcessingResponse, protoMethods } from "../../src/ext-proc/messages.ts";

/** What is left out of a reply is "go on". */
export type Reply = Omit<ProcessingResponse, "response">;

export interface ExtProcServer {
  /** ip:port. */
  readonly address: string;
  close(): void;
}

/** `begin` is called once per stream, and what it returns answers the messages of that stream. */
export async function startExtProcServer(begin: () => (message: ProcessingRequest) => Reply): Promise<ExtProcServer> {
  const { process } = protoMethods();
  const server = new grpc.Server({ "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 });
  server.addService({ Process: process } as grpc.ServiceDefinition, {
    Process: (call: grpc.ServerDuplexStream<ProcessingRequest, Reply>) => {
      const answer = begin();
      call.on("data", (message: ProcessingRequest) => call.write(answer(message)));
      call.on("end", () => call.end());
      // Envoy resets its streams at the end of a request.
      call.on("error", () => undefined);
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    const credentials = grpc.ServerCredentials.createInsecure();
    server.bindAsync("127.0.0.1:0", credentials, (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  return { address: `127.0.0.1:${port}`, close: () => server.forceShutdown() };
}
