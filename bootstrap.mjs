#!/usr/bin/env node
/**
 * Makes an uninstalled checkout run under any Node from 18 on: installs the locked packages when node_modules is not in
 * step with package-lock.json, then continues on Node 24. Plain JavaScript: it runs before there is anything else.
 *
 *   bootstrap.mjs VERB ...                   runs src/main.ts (dist/ where it was installed as a package)
 *   bootstrap.mjs --exec [--watch] FILE ...  runs another TypeScript file of this checkout
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { constants } from "node:os";
import { dirname, join, resolve, sep } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = dirname(fileURLToPath(import.meta.url));
const modules = join(root, "node_modules");
const npmRecord = join(modules, ".package-lock.json");
const stampFile = join(modules, ".pointsman-installed");
const lock = join(root, ".cache", "install.lock");
/** Node strips no types below node_modules, so a package from the registry runs what tsc emitted. */
const fromRegistry = root.split(sep).includes("node_modules");
const isNewNode = Number.parseInt(process.versions.node, 10) >= 24;
const windows = process.platform === "win32";
const forwarded = ["SIGINT", "SIGTERM", "SIGHUP"];
const unreachable = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTCACHED/;

const say = (text) => process.stderr.write(`pointsman: ${text}\n`);

function giveUp(text) {
  say(text);
  process.exit(1);
}

function readText(file) {
  try {
    return fs.readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

/** The Node that came with the packages: below our own folder, or beside it where npm flattened the tree. */
function ownNode() {
  const program = join("node", "bin", windows ? "node.exe" : "node");
  return [modules, dirname(root)].map((folder) => join(folder, program)).find((file) => fs.existsSync(file));
}

/** npm writes its own record last, when everything is in place: it serves where somebody ran npm by hand. */
function matchesLockfile(withTools) {
  try {
    const wanted = JSON.parse(readText(join(root, "package-lock.json"))).packages;
    const found = JSON.parse(readText(npmRecord)).packages;
    const describe = (entry) => `${entry?.version} ${entry?.integrity}`;
    const isSame = ([name, entry]) => describe(entry) === describe(wanted[name]);
    const mayMiss = (entry) => entry.optional || entry.devOptional || (entry.dev && !withTools);
    const isThere = ([name, entry]) => name === "" || found[name] || mayMiss(entry);
    return Object.entries(found).every(isSame) && Object.entries(wanted).every(isThere);
  } catch {
    return false;
  }
}

/** The platform counts too: a node_modules copied from another machine holds the wrong programs. */
function wantedStamp() {
  const hash = createHash("sha256").update(readText(join(root, "package-lock.json")));
  return { hash: hash.digest("hex"), platform: ` ${process.platform}-${process.arch}\n` };
}

function isInStep(withTools) {
  if (!isNewNode && !ownNode()) return false;
  const stamp = readText(stampFile);
  const { hash, platform } = wantedStamp();
  return stamp === hash + platform || ((stamp === "" || stamp.endsWith(platform)) && matchesLockfile(withTools));
}

function isAlive(pid) {
  try {
    return process.kill(Number(pid), 0);
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** Renaming onto a folder that is not empty fails: that makes taking the lock, and clearing a dead one, atomic. */
function moveFolder(from, to) {
  try {
    fs.renameSync(from, to);
    return true;
  } catch (error) {
    if (["ENOTEMPTY", "EEXIST", "EPERM", "ENOENT"].includes(error.code)) return false;
    throw error;
  }
}

/** The lock is a folder with one file: token of the holder and pids of it and its npm; the holder keeps touching it. */
async function takeLock() {
  const token = `${process.pid}-${Date.now().toString(36)}`;
  const mine = `${lock}.${token}`;
  const litter = [mine];
  const write = (folder, ...pids) => fs.writeFileSync(join(folder, "owner"), [token, process.pid, ...pids].join(" "));
  const clearDead = () => {
    const [holder, ...pids] = readText(join(lock, "owner")).split(" ");
    const ageMs = Date.now() - (fs.statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    const isDead = holder && (ageMs > 600_000 || (ageMs > 5000 && !pids.some(isAlive)));
    // Kept until the release: a second process that judged the same holder dead must fail to move the next lock there.
    if (isDead && moveFolder(lock, `${lock}.${holder}`)) litter.push(`${lock}.${holder}`);
  };
  fs.mkdirSync(mine, { recursive: true });
  write(mine);
  for (let told = false; !moveFolder(mine, lock); told = true) {
    if (!told) say(`another process is installing the packages; waiting for it (${lock})`);
    await delay(300);
    clearDead();
  }
  const beat = setInterval(() => fs.utimesSync(lock, new Date(), new Date()), 1000);
  const release = () => {
    clearInterval(beat);
    process.off("exit", release);
    if (moveFolder(lock, mine)) for (const folder of litter) fs.rmSync(folder, { recursive: true, force: true });
  };
  process.on("exit", release);
  return { nameChild: (pid) => write(lock, pid), release };
}

function startNpm() {
  const policy = ["--include=dev", "--include=optional", "--ignore-scripts=false", "--engine-strict=false"];
  const calm = ["--no-audit", "--no-fund", "--no-progress", "--loglevel=error", "--prefer-offline"];
  const patience = ["--fetch-retries=1", "--fetch-retry-mintimeout=1000"];
  // What an npm or npx around this process set for itself must not steer the inner one.
  const foreign = /^npm_(package|lifecycle|command|config_(global|location|prefix|workspace|package|call|omit|dry))/i;
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
  const around = process.env.npm_execpath ?? "";
  const [program, first] = around.endsWith("npm-cli.js") ? [process.execPath, [around]] : ["npm", []];
  const args = [...first, "ci", ...policy, ...calm, ...patience];
  const stdio = ["ignore", "ignore", "pipe"];
  return spawn(program, args, { cwd: root, env, stdio, detached: !windows, shell: windows && !first[0] });
}

/** Runs npm to its end and returns what came of it. */
async function runNpm(nameChild) {
  const npm = startNpm();
  const result = { fault: undefined, errors: "", interruptedBy: undefined };
  const startedAt = Date.now();
  const tell = setInterval(() => say(`still installing, ${Math.round((Date.now() - startedAt) / 1000)} s`), 10_000);
  const kill = (signal) => (windows || !isAlive(-npm.pid) ? npm.kill(signal) : process.kill(-npm.pid, signal));
  const pass = (signal) => {
    // Nothing half-done is trusted later, so npm and its scripts, a process group of their own, may be cut short.
    if (!result.interruptedBy) setTimeout(() => npm.exitCode ?? npm.signalCode ?? kill("SIGKILL"), 2000).unref();
    result.interruptedBy = signal;
    kill(signal);
  };
  for (const signal of forwarded) process.on(signal, pass);
  npm.stderr.on("data", (chunk) => {
    result.errors = (result.errors + chunk).slice(0, 6000);
  });
  if (npm.pid) nameChild(npm.pid);
  result.fault = await new Promise((done) => {
    npm.on("error", (error) => done(error.code === "ENOENT" ? "there is no npm on the PATH" : error.message));
    npm.on("close", (code, signal) => done(code === 0 ? undefined : `npm ci ended with ${signal ?? `code ${code}`}`));
  });
  clearInterval(tell);
  for (const signal of forwarded) process.off(signal, pass);
  return result;
}

async function install() {
  const { nameChild, release } = await takeLock();
  if (isInStep(true)) return release();
  say("installing the packages of package-lock.json with npm ci (once, and again when that file changes)");
  for (const proof of [stampFile, npmRecord]) fs.rmSync(proof, { force: true });
  const { fault, errors, interruptedBy } = await runNpm(nameChild);
  if (interruptedBy) {
    say("installation interrupted; the next start begins it again");
    process.exit(128 + constants.signals[interruptedBy]);
  }
  const cause = errors.match(unreachable)?.[0];
  if (fault && cause) giveUp(`the npm registry cannot be reached (${cause}): check network and proxy, then try again`);
  const detail = errors.split("\n").slice(0, 12).join("\n").trimEnd();
  if (fault) giveUp(`the packages could not be installed: ${fault}\n${detail}`);
  if (!isNewNode && !ownNode()) giveUp("npm did not let the package 'node' install itself: use Node 24 or newer");
  fs.writeFileSync(stampFile, Object.values(wantedStamp()).join(""));
  say("packages installed");
  release();
}

/** Continues in a child on Node 24; the child hears of this process's death by the event "disconnect". */
function runInChild(program, args) {
  const child = spawn(program, args, { stdio: ["inherit", "inherit", "inherit", "ipc"] });
  const passedAt = {};
  const pass = (signal) => {
    // A terminal sends Ctrl-C to everybody and npm passes it on once more: one of a burst is enough.
    if (Date.now() - (passedAt[signal] ?? 0) > 1000) child.kill(signal);
    passedAt[signal] = Date.now();
  };
  for (const signal of forwarded) process.on(signal, pass);
  child.on("error", (error) => giveUp(`cannot start ${program}: ${error.message}`));
  child.on("exit", (code, signal) => {
    for (const name of forwarded) process.off(name, pass);
    if (signal) process.kill(process.pid, signal);
    else process.exit(code ?? 1);
  });
}

/** npm runs a package's program in a shell, and a signal sent to npm ends only that shell: being orphaned is the sign. */
function endWithNpm() {
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    process.kill(process.pid, "SIGHUP");
  }, 500);
  watch.unref();
}

async function main(argv) {
  const exec = argv[0] === "--exec";
  const watch = exec && argv[1] === "--watch";
  const entry = fromRegistry ? "dist/src/main.js" : "src/main.ts";
  const [file = "", ...args] = exec ? argv.slice(watch ? 2 : 1) : [entry, ...argv];
  const path = resolve(root, file);
  if (!fs.existsSync(path)) giveUp(`there is no file ${file}`);
  if (process.env.npm_command) endWithNpm();
  if (!fromRegistry && !isInStep(exec)) await install();
  if (!isNewNode && !ownNode()) giveUp("this needs Node 24 or newer, and npm did not let the package 'node' bring it");
  if (!isNewNode || watch) {
    return runInChild(isNewNode ? process.execPath : ownNode(), [...(watch ? ["--watch"] : []), path, ...args]);
  }
  process.argv = [process.execPath, path, ...args];
  await import(pathToFileURL(path).href);
}

await main(process.argv.slice(2));
