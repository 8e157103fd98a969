/** An ext_proc server that does as a test says, so that faults of other people's pickers can be had; it counts what it saw. */
import grpc from "@grpc/grpc-js";
import { type ProcessingRequest, type ProcessingResponse, protoMethods } from "../../src/ext-proc/messages.ts";

/** What is done about one message: nothing, an answer, or the end of the stream with a status of gRPC. */
export type Act = "silence" | { readonly answer: ProcessingResponse } | { readonly end: number; readonly says: string };

export type Script = (message: ProcessingRequest) => Act;

export interface ScriptedPicker {
  readonly address: string;
  readonly port: number;
  readonly streams: number;
  /** The kinds of message in the order in which they came. */
  readonly seen: readonly string[];
  close(): void;
}

export interface ScriptedPickerOptions {
  /** Where it listens instead of a free port of its own. */
  readonly at?: string;
  /** Bytes; grpc's own is 4 MiB. */
  readonly receiveLimit?: number;
}

export async function startScriptedPicker(
  script: Script,
  options: ScriptedPickerOptions = {},
): Promise<ScriptedPicker> {
  const seen: string[] = [];
  let streams = 0;
  const limit = options.receiveLimit;
  const server = new grpc.Server(limit === undefined ? {} : { "grpc.max_receive_message_length": limit });
  const method = protoMethods().process;
  server.addService(
    { process: method },
    {
      process: (call: grpc.ServerDuplexStream<ProcessingRequest, ProcessingResponse>) => {
        streams++;
        call.on("data", (message: ProcessingRequest) => {
          seen.push(kindOf(message));
          const act = script(message);
          if (act === "silence") return;
          if ("answer" in act) call.write(act.answer);
          else call.emit("error", Object.assign(new Error(act.says), { code: act.end, details: act.says }));
        });
        call.on("end", () => call.end());
        call.on("error", () => undefined);
      },
    },
  );
  const port = await new Promise<number>((resolve, reject) => {
    const insecure = grpc.ServerCredentials.createInsecure();
    server.bindAsync(options.at ?? "127.0.0.1:0", insecure, (error, bound) => (error ? reject(error) : resolve(bound)));
  });
  return {
    address: options.at ?? `127.0.0.1:${port}`,
    port,
    get streams() {
      return streams;
    },
    seen,
    close: () => server.forceShutdown(),
  };
}

/** An answer that changes nothing, or sets these headers of the request. */
export function goOn(
  message: ProcessingRequest,
  headers: Readonly<Record<string, string>> = {},
  more: object = {},
): Act {
  const set_headers = Object.entries(headers).map(([key, value]) => ({
    header: { key, raw_value: Buffer.from(value) },
    append_action: "OVERWRITE_IF_EXISTS_OR_ADD",
  }));
  const response = { ...(set_headers.length > 0 && { header_mutation: { set_headers } }), ...more };
  const kind = kindOf(message);
  return { answer: { [kind]: kind.endsWith("trailers") ? {} : { response } } as ProcessingResponse };
}

/** The address in the metadata too, as pointsman and others send it. */
export function withMetadata(act: Act, address: string): Act {
  if (act === "silence" || !("answer" in act)) return act;
  const lb = { structValue: { fields: { "x-gateway-destination-endpoint": { stringValue: address } } } };
  return { answer: { ...act.answer, dynamic_metadata: { fields: { "envoy.lb": lb } } } };
}

function kindOf(message: ProcessingRequest): string {
  const kinds = ["headers", "body", "trailers"].flatMap((part) => [`request_${part}`, `response_${part}`]);
  return kinds.find((kind) => kind in message && message[kind as keyof ProcessingRequest] != null) ?? "";
}
