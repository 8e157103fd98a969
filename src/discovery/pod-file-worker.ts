/** The worker thread in which one large file of pods is read: YAML costs milliseconds per kilobyte. */
import { parentPort, workerData } from "node:worker_threads";
import type { PodFileWork } from "./parse-apart.ts";
import { parsePodFile } from "./read-pod-file.ts";

if (parentPort !== null) {
  const { bytes, path } = workerData as PodFileWork;
  parentPort.postMessage(parsePodFile(bytes, path));
}
