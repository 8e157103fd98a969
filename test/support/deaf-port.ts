/** Ports at which nobody answers: one whose queue of connections is full, and one that takes connections and says nothing. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import net from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** A connection on loopback takes less than one; a busy machine may take a hundred times that. */
const MADE_WITHIN_MS = 500;

export interface DeafPort {
  readonly address: string;
  close(): void;
}

/** A process of its own: the kernel takes connections for a port as long as its queue has room, whoever sleeps. */
const program = `
  const server = require("node:net").createServer();
  server.listen({ port: 0, host: "127.0.0.1", backlog: Number(process.argv[1]) }, () => {
    // Synchronous, so that it is out before the sleep begins.
    require("node:fs").writeSync(1, String(server.address().port));
    process.kill(process.pid, "SIGSTOP");
  });`;

const children = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

/** As behind a firewall: a connection is neither made nor refused. */
export async function startBlockedPort(): Promise<DeafPort> {
  const port = await startSleeper(1);
  const waiting: net.Socket[] = [];
  // Each that is made fills a place of the queue, and each stays: one that went would leave its place to the next.
  for (let isMade = true; isMade; ) {
    const socket = net.connect(port.number, "127.0.0.1");
    socket.on("error", () => undefined);
    waiting.push(socket);
    isMade = await Promise.race([once(socket, "connect").then(() => true), delay(MADE_WITHIN_MS, false)]);
  }
  return {
    address: `127.0.0.1:${port.number}`,
    close: () => {
      for (const socket of waiting) socket.destroy();
      port.end();
    },
  };
}

/** As a program that hangs: connections are made, and nothing ever comes. */
export async function startHungPort(): Promise<DeafPort> {
  const port = await startSleeper(100);
  return { address: `127.0.0.1:${port.number}`, close: () => port.end() };
}

async function startSleeper(backlog: number) {
  const child = spawn(process.execPath, ["-e", program, String(backlog)], { stdio: ["ignore", "pipe", "ignore"] });
  children.add(child);
  const [said] = (await once(child.stdout, "data")) as [Buffer];
  const end = () => {
    children.delete(child);
    child.kill("SIGKILL");
  };
  return { number: Number(said), end };
}
