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

/** TCP ports these processes listen on. */
export function listeningPorts(processes: readonly number[]): number[] {
  const inodes = new Set(processes.flatMap(socketInodes));
  const lines = readFileSync("/proc/net/tcp", "utf8").split("\n").slice(1);
  return lines.flatMap((line) => {
    const [, local = "", , state, , , , , , inode = ""] = line.trim().split(/\s+/);
    return state === "0A" && inodes.has(inode) ? [Number.parseInt(local.split(":")[1] ?? "", 16)] : [];
  });
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

function socketInodes(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
}
