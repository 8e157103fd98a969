/** `pointsman serve`: runs the picker until it is asked to end. */
import { App } from "../app.ts";
import { serveFaults } from "../config/check-serve.ts";
import { loadConfig } from "../config/load-config.ts";
import { type Config, serveOptions } from "../config/options.ts";
import { readPools } from "../config/read-pools.ts";
import type { ConfigFault } from "../errors.ts";
import { socketFaults } from "../ext-proc/unix-socket.ts";
import type { Command } from "./command.ts";

export const serve: Command = {
  name: "serve",
  summary: "Run the picker.",
  options: serveOptions,
  run: async (args, { env, interrupted }) => {
    const app = new App(loadConfig(serveOptions, args, env, faultsOf));
    try {
      await app.start();
    } catch (error) {
      // What listens already would leave its Unix socket behind.
      await app.stop();
      throw error;
    }
    await interrupted;
    await app.drain();
    return 0;
  },
};

/** All that can be known to be wrong before anything starts. */
function faultsOf(config: Config): ConfigFault[] {
  return [...readPools(config).faults, ...serveFaults(config), ...socketFaults(config.grpcSocket)];
}
