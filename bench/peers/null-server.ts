/**
 * A do-nothing ext_proc server the way its users write one: grpc-js and proto-loader with the usual options, a pod by
 * round robin, no look at the body. It is the yardstick of bench/wire.ts and stays as it is: a change here makes old
 * results incomparable. `node bench/peers/null-server.ts [pod,pod,...]` prints its port.
 */
import { fileURLToPath } from "node:url";
import grpc from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";

interface Request {
  request: string;
  request_body?: { body: Buffer; end_of_stream: boolean };
  response_body?: { body: Buffer; end_of_stream: boolean };
  protocol_config?: { request_body_mode: string; response_body_mode: string };
}

const definition = protoLoader.loadSync("external_processor.proto", {
  includeDirs: [fileURLToPath(new URL("../../proto", import.meta.url))],
  keepCase: true,
  longs: String,
  enums: String,
  defaults: true,
  oneofs: true,
});
const service = definition["envoy.service.ext_proc.v3.ExternalProcessor"] as unknown as grpc.ServiceDefinition;

const pods = (process.argv[2] ?? "127.0.0.1:8000").split(",");
let turn = 0;

function pick(): object {
  const pod = pods[turn++ % pods.length] ?? "";
  const header = { key: "x-gateway-destination-endpoint", raw_value: Buffer.from(pod) };
  return { response: { header_mutation: { set_headers: [{ header, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" }] } } };
}

function passBody(message: Request["request_body"], mode: string): object {
  if (mode !== "FULL_DUPLEX_STREAMED") return { response: {} };
  return { response: { body_mutation: { streamed_response: message } } };
}

function onProcess(call: grpc.ServerDuplexStream<Request, object>): void {
  let modes = { request_body_mode: "NONE", response_body_mode: "NONE" };
  call.on("data", (message: Request) => {
    if (message.protocol_config) modes = message.protocol_config;
    switch (message.request) {
      case "request_headers":
        call.write({ request_headers: pick() });
        break;
      case "request_body":
        call.write({ request_body: passBody(message.request_body, modes.request_body_mode) });
        break;
      case "response_body":
        call.write({ response_body: passBody(message.response_body, modes.response_body_mode) });
        break;
      case "response_headers":
        call.write({ response_headers: { response: {} } });
        break;
      default:
        call.write({ [message.request]: {} });
    }
  });
  call.on("end", () => call.end());
  call.on("error", () => {});
}

const server = new grpc.Server({ "grpc.max_receive_message_length": -1 });
server.addService(service, { Process: onProcess as grpc.UntypedHandleCall });
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(`null server listening on port ${port}`);
});
process.on("disconnect", () => process.exit());
process.on("SIGTERM", () => process.exit());
