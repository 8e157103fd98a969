/** An Envoy for tests that need the real thing; where none can be had they are skipped, with the reason. */
import { EnvoyMissingError, findEnvoy } from "../../src/demo/find-envoy.ts";
import { type Guard, startGuard } from "../../src/demo/guard.ts";
import { type RunEnvoyOptions, type RunningEnvoy, startEnvoy } from "../../src/demo/run-envoy.ts";

export interface TestEnvoy {
  readonly version: string;
  readonly binary: string;
  /** Also ended if the test run is killed. */
  start(options: Omit<RunEnvoyOptions, "binary" | "guard">): Promise<RunningEnvoy>;
}

let guard: Guard | undefined;

/** Without a version: the one a user would get. Undefined where there is none and none can be fetched. */
export async function findTestEnvoy(version?: string): Promise<TestEnvoy | undefined> {
  try {
    const say = (line: string) => console.info(line);
    const found = await findEnvoy(version === undefined ? { say } : { say, version });
    return {
      version: found.version,
      binary: found.path,
      start: (options) => {
        guard ??= startGuard();
        return startEnvoy({ ...options, binary: found.path, guard });
      },
    };
  } catch (error) {
    if (!(error instanceof EnvoyMissingError)) throw error;
    console.warn(`Skipped: no Envoy ${version ?? ""}. ${error.message}`);
    return undefined;
  }
}
