/** `pointsman serve`: runs the picker until it is asked to end. */
import { accessSync, constants } from "node:fs";
import path from "node:path";
import { App } from "../app.ts";
import { loadConfig } from "../config/load-config.ts";
import { type Config, serveOptions } from "../config/options.ts";
import type { ConfigFault } from "../errors.ts";
import { parsePodList } from "../pods/static-pods.ts";
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

/** What is wrong beyond single values: settings that contradict each other, files that cannot be read. */
function configFaults(config: Config): ConfigFault[] {
  const pods = parsePodList(config.pods);
  const faults = "faults" in pods ? [...pods.faults] : [];
  const { certPath, clientCaFile, secureServing, tlsOnly } = config;
  if (!secureServing && (tlsOnly || clientCaFile !== "")) {
    faults.push({
      path: "--secure-serving",
      expected: "true beside --tls-only or --client-ca-file",
      got: "false",
    });
  }
  const files = certPath === "" ? [] : [path.join(certPath, "tls.crt"), path.join(certPath, "tls.key")];
  for (const file of files)
    if (!isReadable(file)) faults.push({ path: "--cert-path", expected: `a readable ${file}`, got: "none" });
  if (clientCaFile !== "" && !isReadable(clientCaFile)) {
    faults.push({ path: "--client-ca-file", expected: "a readable PEM file", got: JSON.stringify(clientCaFile) });
  }
  return faults;
}

function isReadable(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
