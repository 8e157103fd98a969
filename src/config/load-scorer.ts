/**
 * Scorers that are not ours: a file that the config file names, loaded before anything starts.
 *
 * Node runs TypeScript as it is and can `require` a module of either kind, so loading is a plain call, and all faults of
 * a config file are told at once. The module may stand anywhere: what it imports as pointsman/scorer and
 * pointsman/normalise is this very program.
 */
import { createRequire, registerHooks } from "node:module";
import path from "node:path";
import { codeOf } from "../errors.ts";
import type { Scorer } from "../scorer.ts";
import { type Complain, checkScorer } from "./check-scorer.ts";

/** As package.json exports them. The extension of this file is that of the others, here and in dist. */
const extension = path.extname(import.meta.url);
const ownModules: Readonly<Record<string, string>> = {
  "pointsman/scorer": new URL(`../scorer${extension}`, import.meta.url).href,
  "pointsman/normalise": new URL(`../routing/normalise${extension}`, import.meta.url).href,
};

/** undefined, and told why, where the file holds no scorer. */
export function loadScorer(file: string, fault: Complain): Scorer | undefined {
  const hooks = registerHooks({
    resolve: (wanted, context, next) => {
      const url = Object.hasOwn(ownModules, wanted) ? ownModules[wanted] : undefined;
      return url === undefined ? next(wanted, context) : { url, shortCircuit: true };
    },
  });
  try {
    const module: unknown = createRequire(import.meta.url)(file);
    return checkScorer(defaultOf(module), fault);
  } catch (error) {
    fault("", ...describeFailure(error, file));
    return undefined;
  } finally {
    hooks.deregister();
  }
}

function defaultOf(module: unknown): unknown {
  return typeof module === "object" && module !== null && "default" in module ? module.default : undefined;
}

function describeFailure(error: unknown, file: string): [expected: string, got: string] {
  const code = codeOf(error);
  if (code === "ERR_REQUIRE_ASYNC_MODULE") return ["a module without await at its top level", "one that waits"];
  const [message = ""] = String(error).split("\n", 1);
  if (code === "MODULE_NOT_FOUND" && message.includes(file)) return ["a file", "none"];
  return ["a module that can be loaded", message.slice(0, 200)];
}
