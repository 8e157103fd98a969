/** Reads a file of pods without holding up the thread it is called in: a large one in a thread of its own. */
import { once } from "node:events";
import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import type { PodFileContent } from "./pod-roll.ts";
import { parsePodFile } from "./read-pod-file.ts";

export interface PodFileWork {
  readonly bytes: Uint8Array;
  readonly path: string;
}

/** Some twenty pods: below it reading takes a few milliseconds, and starting a thread is the larger cost. */
const INLINE_BYTES = 2048;
/** The largest file that is allowed needs a third of it, however it is nested. */
const limits = { maxOldGenerationSizeMb: 256 };

/** A file over which the thread comes to grief is a faulty one. Rejects when nobody waits any more. */
export async function parseApart(bytes: Uint8Array, path: string, signal: AbortSignal): Promise<PodFileContent> {
  if (bytes.length <= INLINE_BYTES) return parsePodFile(bytes, path);
  const file = new URL(`./pod-file-worker${extname(import.meta.filename)}`, import.meta.url);
  const workerData: PodFileWork = { bytes, path };
  // Flags of the process, such as what to evaluate, are not meant for the thread.
  const worker = new Worker(file, { workerData, execArgv: [], resourceLimits: limits, name: "pod-file" });
  worker.unref();
  try {
    const [content] = (await once(worker, "message", { signal })) as [PodFileContent];
    return content;
  } catch (error) {
    if (signal.aborted) throw error;
    const got = error instanceof Error ? error.message : String(error);
    return { faults: [{ path, expected: "pods that can be read within memory", got }] };
  } finally {
    await worker.terminate();
  }
}
