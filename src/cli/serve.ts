/** `pointsman serve`: runs the picker until it is asked to end. */
import { App, configFaults } from "../app.ts";
import { loadConfig } from "../config/load-config.ts";
import { serveOptions } from "../config/options.ts";
import type { Command } from "./command.ts";

export const serve: Command = {
  name: "serve",
  summary: "Run the picker.",
  options: serveOptions,
  run: async (args, { env, interrupted }) => {
    const app = new App(loadConfig(serveOptions, args, env, configFaults));
    await app.start();
    await interrupted;
    await app.drain();
    return 0;
  },
};
