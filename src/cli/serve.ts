/** `pointsman serve`: runs the picker until it is asked to end. */
import { App, type Reread } from "../app.ts";
import { scrapeFileFaults, serveFaults } from "../config/check-serve.ts";
import { strayNames } from "../config/load-config.ts";
import { inPlace, loadSettings } from "../config/load-settings.ts";
import { type Config, serveOptions } from "../config/options.ts";
import type { PoolConfig } from "../config/pool-config.ts";
import { ConfigError, type ConfigFault } from "../errors.ts";
import { socketFaults } from "../ext-proc/unix-socket.ts";
import { Logs } from "../observe/log.ts";
import type { Command } from "./command.ts";

export const serve: Command = {
  name: "serve",
  summary: "Run the picker.",
  options: serveOptions,
  run: async (args, { env, interrupted }) => {
    const reread: Reread = { said: { args, env }, check: faultsOf };
    const settings = loadSettings(reread.said, faultsOf);
    const log = new Logs({ verbosity: settings.config.verbosity }).of("config");
    for (const stray of strayNames(serveOptions, env)) log.warn(stray, "no option has this name in the environment");
    const app = new App(settings, reread);
    try {
      await app.start();
    } catch (error) {
      // What listens already would leave its Unix socket behind.
      await app.stop();
      throw error instanceof ConfigError ? new ConfigError(inPlace(error.faults, settings.given)) : error;
    }
    await interrupted;
    // An exit would wait for the thread that hangs in a write.
    if (!(await app.drain())) process.kill(process.pid, "SIGKILL");
    return 0;
  },
};

/** All that can be known to be wrong before anything starts. */
function faultsOf(config: Config, pools: readonly PoolConfig[]): ConfigFault[] {
  return [...serveFaults(config), ...scrapeFileFaults(config, pools), ...socketFaults(config.grpcSocket)];
}
