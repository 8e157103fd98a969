/** `pointsman serve`: runs the picker until it is asked to end. */
import { App } from "../app.ts";
import { scrapeFileFaults, serveFaults } from "../config/check-serve.ts";
import { loadConfig, strayNames } from "../config/load-config.ts";
import { type Config, serveOptions } from "../config/options.ts";
import { readPools } from "../config/read-pools.ts";
import type { ConfigFault } from "../errors.ts";
import { socketFaults } from "../ext-proc/unix-socket.ts";
import { createLogger } from "../observe/log.ts";
import type { Command } from "./command.ts";

export const serve: Command = {
  name: "serve",
  summary: "Run the picker.",
  options: serveOptions,
  run: async (args, { env, interrupted }) => {
    const config = loadConfig(serveOptions, args, env, faultsOf);
    const log = createLogger(config.verbosity);
    for (const stray of strayNames(serveOptions, env)) log.warn(stray, "no option has this name in the environment");
    const app = new App(config);
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
  const { pools, faults } = readPools(config);
  return [...faults, ...serveFaults(config), ...scrapeFileFaults(config, pools), ...socketFaults(config.grpcSocket)];
}
