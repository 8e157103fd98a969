/** Which processes and listening ports belong to a process, read from Linux's /proc; and waiting until they are gone. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** A process and its start time: a number given to somebody else later is not the same process. */
export type ProcessMark = `${number}@${string}`;

export function markOf(pid: number): ProcessMark | undefined {
  try {
    // After the name in brackets: state, parent, ..., and as the 20th the start time.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\)\s/s, "")
      .split(" ");
    return fields[0] === "Z" ? undefined : `${pid}@${fields[19]}`;
  } catch {
    return undefined;
  }
}

/** Direct and indirect children, as long as their parents live. */
export function descendants(pid: number): number[] {
  const children = pids().filter((each) => parentOf(each) === pid);
  return [...children, ...children.flatMap(descendants)];
}

/** Sockets that listen on a TCP port, by a number the system does not soon give to another one, as it does with ports. */
export function listeningSockets(processes: readonly number[]): number[] {
  const open = allListeningSockets();
  return processes.flatMap(socketInodes).filter((inode) => open.has(inode));
}

/** Resolves with those of the sockets that still listen when patience ends. */
export async function listeningStill(sockets: Iterable<number>, patienceMs = 5_000): Promise<number[]> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const open = allListeningSockets();
    const left = [...sockets].filter((inode) => open.has(inode));
    if (left.length === 0 || performance.now() > deadline) return left;
    await delay(20);
  }
}

/** Resolves with what is still there when patience ends; empty is what the caller hopes for. */
export async function survivors(marks: Iterable<ProcessMark>, patienceMs = 10_000): Promise<ProcessMark[]> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const alive = [...marks].filter((mark) => markOf(Number.parseInt(mark, 10)) === mark);
    if (alive.length === 0 || performance.now() > deadline) return alive;
    await delay(20);
  }
}

function pids(): number[] {
  return readdirSync("/proc").map(Number).filter(Number.isInteger);
}

function parentOf(pid: number): number {
  try {
    return Number(
      readFileSync(`/proc/${pid}/stat`, "utf8")
        .replace(/^.*\)\s/s, "")
        .split(" ")[1],
    );
  } catch {
    return 0;
  }
}

function allListeningSockets(): Set<number> {
  const rows = ["tcp", "tcp6"].flatMap((name) => readFileSync(`/proc/net/${name}`, "utf8").split("\n").slice(1));
  const columns = rows.map((row) => row.trim().split(/\s+/));
  // Column 3 is the state, 0A stands for LISTEN; column 9 is the inode.
  return new Set(columns.filter((row) => row[3] === "0A").map((row) => Number(row[9])));
}

function socketInodes(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
        return inode === undefined ? [] : [Number(inode)];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
}
