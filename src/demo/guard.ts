/** Sees to it that child processes die with this one, even when it is killed outright and can run nothing any more. */
import { spawn } from "node:child_process";
import { once } from "node:events";

export interface Guard {
  readonly pid: number;
  /** From now on this process, with its group if it leads one, dies with us. */
  add(pid: number): void;
  /** To be called once it has ended: its number may go to somebody else's process. */
  remove(pid: number): void;
  /** Sends the guard home; what it still watched over lives on. */
  stop(): Promise<void>;
}

/**
 * The shell reads `+pid`, `-pid` and `done` from a pipe whose other end only we hold. However we end, the system closes
 * it, `read` fails, and the loop falls through to the kill.
 */
const watch = `
trap '' INT TERM HUP
pids=' '
while read -r line; do
  case $line in
    done) exit 0 ;;
    +*) pids="$pids\${line#+} " ;;
    -*) p=\${line#-}
      case $pids in *" $p "*) pids="\${pids%% $p *} \${pids#* $p }" ;; esac ;;
  esac
done
for p in $pids; do kill -KILL "-$p" 2>/dev/null || kill -KILL "$p" 2>/dev/null; done
`;

export function startGuard(): Guard {
  // A session of its own: Ctrl-C at the terminal goes to our group, not to the guard.
  const shell = spawn("sh", ["-c", watch], { cwd: "/", detached: true, stdio: ["pipe", "ignore", "ignore"] });
  const exited = once(shell, "exit");
  // A guard that was killed itself is no reason to fail.
  exited.catch(() => undefined);
  shell.stdin.on("error", () => undefined);
  shell.unref();
  if ("unref" in shell.stdin && typeof shell.stdin.unref === "function") shell.stdin.unref();
  if (shell.pid === undefined) throw new Error("cannot start sh, which watches over child processes");
  return {
    pid: shell.pid,
    add: (pid) => void shell.stdin.write(`+${pid}\n`),
    remove: (pid) => void shell.stdin.write(`-${pid}\n`),
    stop: async () => {
      shell.ref();
      shell.stdin.end("done\n");
      await exited.catch(() => undefined);
    },
  };
}
