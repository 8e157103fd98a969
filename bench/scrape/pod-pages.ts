/** A process that plays pods: each has a port of its own, a recorded metrics page of some 65 KB, and a list of models. */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const fixture = (name: string) => readFileSync(new URL(`../../test/fixtures/vllm/${name}`, import.meta.url));

/** Told to the parent: the pods' addresses. */
export type PodPages = readonly string[];

async function playPods(count: number): Promise<PodPages> {
  const page = fixture("metrics-under-load.txt");
  const { body } = JSON.parse(fixture("models.json").toString()) as { body: string };
  const servers = Array.from({ length: count }, () =>
    createServer((request, response) => response.end(request.url === "/metrics" ? page : body)),
  );
  const listening = servers.map(
    (server) => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve())),
  );
  await Promise.all(listening);
  return servers.map((server) => `127.0.0.1:${(server.address() as AddressInfo).port}`);
}

process.once("disconnect", () => process.exit());
process.send?.(await playPods(Number(process.argv[2])));
