/** A StreamRig behind real sockets in this process: for what only shows from the inside. */
import { ExtProcServer } from "../../src/ext-proc/server.ts";
import type { Transport } from "../../src/ext-proc/service.ts";
import { type RigOptions, StreamRig } from "./stream-rig.ts";

export class ServedRig extends StreamRig {
  readonly server: ExtProcServer;
  address = "";

  constructor(transport: Transport, options: RigOptions = {}) {
    super(options);
    const settings = {
      bindAddress: "127.0.0.1",
      grpcPort: 0,
      grpcHealthPort: 0,
      grpcSocket: "",
      transport,
      secureServing: false,
      tlsOnly: false,
      certPath: "",
      clientCaFile: "",
      bodyLimitBytes: 1e6,
    };
    this.server = new ExtProcServer(settings, this.host, {
      listening: (service, where) => {
        if (service.includes("ext_proc") && "port" in where) this.address = `127.0.0.1:${where.port}`;
      },
      refused: () => {},
      flood: () => {},
    });
  }

  static async start(transport: Transport, options?: RigOptions): Promise<ServedRig> {
    const rig = new ServedRig(transport, options);
    await rig.server.listen();
    return rig;
  }
}
