/**
 * Scorers that are not ours: a file that the config file names, loaded before anything starts.
 *
 * Node runs TypeScript as it is and can `require` a module of either kind, so loading is a plain call, and all faults of
 * a config file are told at once. The module may stand anywhere: what it imports as pointsman/scorer and
 * pointsman/normalise is this very program.
 */
import { createRequire, registerHooks } from "node:module";
import path from "node:path";
import { types } from "node:util";
import { nearestWord } from "../discovery/nearest-word.ts";
import { quoted } from "../discovery/pod-address.ts";
import { codeOf } from "../errors.ts";
import type { Scorer } from "../scorer.ts";
import { type Complain, checkScorer } from "./check-scorer.ts";
import { placeOfFailure, placeOfImport } from "./source-place.ts";

/** As package.json exports them. The extension of this file is that of the others, here and in dist. */
const extension = path.extname(import.meta.url);
const ownModules: Readonly<Record<string, string>> = {
  "pointsman/scorer": new URL(`../scorer${extension}`, import.meta.url).href,
  "pointsman/normalise": new URL(`../routing/normalise${extension}`, import.meta.url).href,
};

/** An import that leads nowhere. */
interface LostImport {
  readonly error: unknown;
  readonly wanted: string;
  /** The module that has it. */
  readonly importer: string;
}

/** undefined, and told why, where the file holds no scorer. */
export function loadScorer(file: string, fault: Complain): Scorer | undefined {
  const lost: LostImport[] = [];
  const hooks = registerHooks({
    resolve: (wanted, context, next) => {
      const url = Object.hasOwn(ownModules, wanted) ? ownModules[wanted] : undefined;
      if (url !== undefined) return { url, shortCircuit: true };
      try {
        return next(wanted, context);
      } catch (error) {
        lost.push({ error, wanted, importer: context.parentURL ?? "" });
        throw error;
      }
    },
  });
  try {
    const module: unknown = createRequire(import.meta.url)(file);
    const exported = defaultOf(module);
    if (exported !== undefined) return checkScorer(exported, fault);
    // What CommonJS calls its exports is the module as a whole, not its default.
    const hint = types.isModuleNamespaceObject(module) ? undefined : "module.exports.default = defineScorer({ ... })";
    fault("", "export default defineScorer({ ... })", "no default export", hint);
  } catch (error) {
    // Not one that the module has got over.
    const cause = lost.find((each) => each.error === error && each.wanted !== file);
    fault("", ...(cause === undefined ? describeFailure(error, file) : describeLost(cause)));
  } finally {
    hooks.deregister();
  }
  return undefined;
}

function defaultOf(module: unknown): unknown {
  return typeof module === "object" && module !== null && "default" in module ? module.default : undefined;
}

type Failure = Parameters<Complain> extends [string, ...infer Rest] ? Rest : never;

function describeLost({ wanted, importer }: LostImport): Failure {
  const got = `the import of ${quoted(wanted)}, which is not there${placeOfImport(importer, wanted)}`;
  return ["a module that can be loaded", got, nearestWord(wanted, Object.keys(ownModules))];
}

function describeFailure(error: unknown, file: string): Failure {
  const code = codeOf(error);
  if (code === "ERR_REQUIRE_ASYNC_MODULE") return ["a module without await at its top level", "one that waits"];
  const [message = ""] = String(error).split("\n", 1);
  if (code === "MODULE_NOT_FOUND" && message.includes(file)) return ["a file", "none"];
  return ["a module that can be loaded", message.slice(0, 200) + placeOfFailure(error, file)];
}
