/** The worker thread in which pods are asked and pages are read, so that neither ever delays a pick. */
import { parentPort, workerData } from "node:worker_threads";
import { seededRandom } from "../routing/seeded-random.ts";
import { InlineScrapes } from "./inline-scrapes.ts";
import { Outbox } from "./outbox.ts";
import { alive, type Command, threadClockMs, type WorkerSetup } from "./thread-protocol.ts";

if (parentPort !== null) {
  const port = parentPort;
  const { seed } = workerData as WorkerSetup;
  const outbox = new Outbox(
    (batch) => port.postMessage(batch),
    (ms, run) => setTimeout(run, ms),
  );
  const scrapes = new InlineScrapes({ events: outbox, now: threadClockMs, random: seededRandom(seed) });
  port.on("message", (command: Command) => {
    switch (command.kind) {
      case "watch":
        scrapes.watch(
          command.ids.map((id, i) => ({ id, address: command.addresses[i] ?? "" })),
          command.options,
        );
        break;
      case "drop":
        scrapes.drop(command.id);
        outbox.drop(command.id);
        break;
      case "read":
        outbox.acknowledged();
        break;
      case "ping":
        port.postMessage(alive);
        break;
      case "stop":
        // Nothing keeps the thread afterwards.
        scrapes
          .stop()
          .catch(() => undefined)
          .finally(() => port.close());
    }
  });
}
