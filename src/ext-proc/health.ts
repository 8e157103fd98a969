/** grpc.health.v1, by the service names that the ecosystem's probes and Envoy's health checks ask for. */
import type grpc from "@grpc/grpc-js";
import { EXT_PROC_SERVICE } from "./service.ts";
import { field, varintField, WireReader, wireType } from "./wire.ts";

/** grpc.health.v1.HealthCheckResponse.ServingStatus. */
const servingStatus = { serving: 1, notServing: 2, serviceUnknown: 3 } as const;
type ServingStatus = (typeof servingStatus)[keyof typeof servingStatus];

/** "liveness" stays well while draining: a restart would only lose what is still being answered. */
const readinessNames: ReadonlySet<string> = new Set(["", "readiness", EXT_PROC_SERVICE]);
const LIVENESS = "liveness";

interface HealthCheckRequest {
  readonly service: string;
}

const encodeStatus = (status: ServingStatus): Buffer => varintField(1, status);
const encodeList = (statuses: Record<string, ServingStatus>): Buffer =>
  Buffer.concat(
    Object.entries(statuses).map(([name, status]) => field(1, field(1, name), field(2, encodeStatus(status)))),
  );
const unused = (): never => {
  throw new Error("the server side never encodes requests or decodes replies");
};

function method(name: string, responseStream: boolean, responseSerialize: (value: never) => Buffer): object {
  return {
    path: `/grpc.health.v1.Health/${name}`,
    requestStream: false,
    responseStream,
    requestDeserialize: decodeRequest,
    responseSerialize,
    requestSerialize: unused,
    responseDeserialize: unused,
  };
}

export const healthDefinition = {
  Check: method("Check", false, encodeStatus),
  List: method("List", false, encodeList),
  Watch: method("Watch", true, encodeStatus),
} as unknown as grpc.ServiceDefinition;

/** HealthCheckRequest { service 1 }. */
function decodeRequest(bytes: Buffer): HealthCheckRequest {
  const reader = new WireReader();
  reader.reset(bytes);
  let service = "";
  while (reader.at < bytes.length && !reader.failed) {
    const tag = reader.tag(bytes.length);
    if (tag === 8 + wireType.lengthDelimited) {
      const end = reader.lengthEnd(bytes.length);
      service = bytes.toString("utf8", reader.at, end);
      reader.at = end;
    } else reader.skip(tag & 7, bytes.length);
  }
  return { service };
}

export class Health {
  #ready = false;
  readonly #watchers = new Set<() => void>();

  set ready(ready: boolean) {
    this.#ready = ready;
    for (const notify of this.#watchers) notify();
  }

  get ready(): boolean {
    return this.#ready;
  }

  readonly handlers: grpc.UntypedServiceImplementation = {
    Check: (call: grpc.ServerUnaryCall<HealthCheckRequest, ServingStatus>, done: grpc.sendUnaryData<ServingStatus>) =>
      done(null, this.#statusOf(call.request.service)),
    List: (_call: unknown, done: grpc.sendUnaryData<Record<string, ServingStatus>>) =>
      done(null, Object.fromEntries([...readinessNames, LIVENESS].map((name) => [name, this.#statusOf(name)]))),
    Watch: (call: grpc.ServerWritableStream<HealthCheckRequest, ServingStatus>) => this.#watch(call),
  };

  #statusOf(service: string): ServingStatus {
    if (service === LIVENESS) return servingStatus.serving;
    if (!readinessNames.has(service)) return servingStatus.serviceUnknown;
    return this.#ready ? servingStatus.serving : servingStatus.notServing;
  }

  #watch(call: grpc.ServerWritableStream<HealthCheckRequest, ServingStatus>): void {
    let last: ServingStatus | undefined;
    const notify = (): void => {
      const status = this.#statusOf(call.request.service);
      if (status === last) return;
      last = status;
      call.write(status);
    };
    this.#watchers.add(notify);
    call.on("cancelled", () => {
      this.#watchers.delete(notify);
      call.end();
    });
    notify();
  }
}
