/** The ways in which a file's content is replaced, by people, by deployments and by Kubernetes. */
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";

/** Writes `text` to `path`, whatever is there; resolves when all of it stands there. */
export type Swap = (path: string, text: string) => Promise<void>;

/** Other work gets its turn, and no timer that is not due already. */
const pause = () => new Promise<void>((resolve) => setImmediate(resolve));
let swaps = 0;

/** As if it had lain there for long, so that nobody waits for it to come to rest. */
export function layFile(path: string, text: string): void {
  writeFileSync(path, text);
  utimesSync(path, new Date(0), new Date(0));
}

/** A link stays a link for those who write through it; here every way begins from what it is about. */
function clear(path: string): void {
  rmSync(path, { force: true });
}

export const fileSwaps: Readonly<Record<string, Swap>> = {
  "a rename over it": async (path, text) => {
    const other = join(dirname(path), `.${basename(path)}.new`);
    writeFileSync(other, text);
    renameSync(other, path);
  },
  "a swap of Kubernetes' ..data link": async (path, text) => {
    const [folder, name] = [dirname(path), basename(path)];
    const version = `..version-${swaps++}`;
    mkdirSync(join(folder, version));
    writeFileSync(join(folder, version, name), text);
    symlinkSync(version, join(folder, "..data_tmp"));
    renameSync(join(folder, "..data_tmp"), join(folder, "..data"));
    clear(join(folder, `.${name}.link`));
    symlinkSync(join("..data", name), join(folder, `.${name}.link`));
    renameSync(join(folder, `.${name}.link`), path);
  },
  "a swap of the link that it is": async (path, text) => {
    const target = `${path}-${swaps++}`;
    writeFileSync(target, text);
    symlinkSync(basename(target), `${path}.link`);
    renameSync(`${path}.link`, path);
  },
  "truncation and writing": async (path, text) => writeFileSync(path, text),
  "truncation, and writing in two pieces": async (path, text) => {
    const file = openSync(path, "w");
    await pause();
    writeSync(file, text.slice(0, text.length / 2));
    await pause();
    writeSync(file, text.slice(text.length / 2));
    closeSync(file);
  },
  "writing over it in two pieces": async (path, text) => {
    const file = openSync(path, "a+");
    closeSync(file);
    const over = openSync(path, "r+");
    const half = Math.floor(text.length / 2);
    writeSync(over, text.slice(0, half), 0);
    await pause();
    writeSync(over, text.slice(half), half);
    ftruncateSync(over, text.length);
    closeSync(over);
  },
  "removal and a new file": async (path, text) => {
    clear(path);
    await pause();
    writeFileSync(path, text);
  },
};

/** What leaves no value there. */
export const fileLosses: Readonly<Record<string, (path: string) => void>> = {
  "is gone": (path) => unlinkSync(path),
  "is empty": (path) => truncateSync(path),
  "holds only white space": (path) => writeFileSync(path, " \n\r\n\t"),
  "is a folder": (path) => {
    rmSync(path);
    mkdirSync(path);
  },
  "is no text": (path) => writeFileSync(path, Buffer.from([0x6b, 0xff, 0xfe, 0x00])),
  "is larger than any secret": (path) => writeFileSync(path, "k".repeat(70_000)),
};
