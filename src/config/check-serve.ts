/** What is wrong with the settings of `serve` beyond single values: contradictions, and files that do not serve. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { accessSync, constants, readFileSync } from "node:fs";
import { isIPv4 } from "node:net";
import path from "node:path";
import tls from "node:tls";
import { type ConfigFault, codeOf } from "../errors.ts";
import { byteCount } from "./option-kinds.ts";
import type { Config } from "./options.ts";
import type { PoolConfig } from "./pool-config.ts";

export function serveFaults(config: Config): ConfigFault[] {
  return [
    ...settingFaults(config),
    ...certificateFaults(config.certPath),
    ...clientCaFaults(config.clientCaFile),
    ...decisionLogFaults(config.decisionLog),
  ];
}

/** A folder that is not there is a typing error; what goes wrong with the file later is the log's to say. */
function decisionLogFaults(file: string): ConfigFault[] {
  if (file === "" || file === "stdout") return [];
  try {
    accessSync(path.dirname(file), constants.W_OK);
    return [];
  } catch (error) {
    const got = `${file}: ${codeOf(error)}`;
    return [{ path: "--decision-log", expected: "a file in a folder that can be written", got }];
  }
}

/** Contradictions alone, which are the same on every machine. */
export function settingFaults(config: Config): ConfigFault[] {
  const faults = portFaults(config);
  const { clientCaFile, secureServing, tlsOnly } = config;
  if (!secureServing && (tlsOnly || clientCaFile !== "")) {
    faults.push({ path: "--secure-serving", expected: "true beside --tls-only or --client-ca-file", got: "false" });
  }
  const { bodyLimitBytes, bufferLimitBytes } = config;
  // A body between the two would pass the one only to be picked for unread by the other, each time.
  if (bufferLimitBytes < bodyLimitBytes) {
    const expected = `a size of at least that of --body-limit, ${bytes.show(bodyLimitBytes)}`;
    faults.push({ path: "--buffer-limit", expected, got: bytes.show(bufferLimitBytes) });
  }
  return faults;
}
const bytes = byteCount(1);

/**
 * Files that the pods of a pool are asked with. A file that goes away later is a scrape's fault; one that was never
 * there is a typing error, and is told before the start.
 */
export function scrapeFileFaults(config: Config, pools: readonly PoolConfig[]): ConfigFault[] {
  const faults = new Map<string, ConfigFault>();
  for (const { name, scrape } of pools) {
    const pathOf = (flag: string, ofFlag: string, key: string, file: string) =>
      file === ofFlag ? flag : `the pool ${name}, scrape.${key}`;
    const found: ConfigFault[] = [];
    if (scrape.caFile !== "") {
      const path = pathOf("--model-server-ca-file", config.modelServerCaFile, "caFile", scrape.caFile);
      readText(path, scrape.caFile, "certificates in PEM", checkCertificates, found);
    }
    if (scrape.tokenFile !== "") {
      const path = pathOf("--model-server-token-file", config.modelServerTokenFile, "tokenFile", scrape.tokenFile);
      readText(path, scrape.tokenFile, "a token", checkToken, found);
    }
    for (const fault of found) faults.set(fault.path, fault);
  }
  return [...faults.values()];
}

/** Two of our own ports cannot be the same one; 0 is a free one each time. */
function portFaults(config: Config): ConfigFault[] {
  const { bindAddress, adminAddress } = config;
  const ports = [
    { flag: "--grpc-port", port: config.grpcPort, address: bindAddress },
    { flag: "--grpc-health-port", port: config.grpcHealthPort, address: bindAddress },
    { flag: "--metrics-port", port: config.metricsPort, address: bindAddress },
    { flag: "--admin-port", port: config.adminPort, address: adminAddress },
  ];
  return ports.flatMap(({ flag, port, address }, i) => {
    const taken = ports.slice(0, i).find((other) => other.port === port && overlap(other.address, address));
    if (port === 0 || taken === undefined) return [];
    return [{ path: flag, expected: `another port than ${taken.flag}`, got: String(port) }];
  });
}

/** "::" takes IPv4 connections too. */
function overlap(one: string, other: string): boolean {
  if (one === other || one === "::" || other === "::") return true;
  return (one === "0.0.0.0" && isIPv4(other)) || (other === "0.0.0.0" && isIPv4(one));
}

function certificateFaults(folder: string): ConfigFault[] {
  if (folder === "") return [];
  const faults: ConfigFault[] = [];
  const cert = readText("--cert-path", path.join(folder, "tls.crt"), "certificates in PEM", checkCertificates, faults);
  const key = readText("--cert-path", path.join(folder, "tls.key"), "a private key in PEM", createPrivateKey, faults);
  if (cert === undefined || key === undefined) return faults;
  try {
    tls.createSecureContext({ cert, key });
  } catch (error) {
    const got = error instanceof Error ? error.message : String(error);
    faults.push({ path: "--cert-path", expected: `a certificate and its own key in ${folder}`, got });
  }
  return faults;
}

function clientCaFaults(file: string): ConfigFault[] {
  const faults: ConfigFault[] = [];
  if (file !== "") readText("--client-ca-file", file, "certificates in PEM", checkCertificates, faults);
  return faults;
}

/** The file's text; undefined and a fault where it cannot be read, or `check` throws. */
function readText(
  flag: string,
  file: string,
  content: string,
  check: (text: string) => unknown,
  faults: ConfigFault[],
): string | undefined {
  let got = "none";
  try {
    const text = readFileSync(file, "utf8");
    got = "something else";
    check(text);
    return text;
  } catch (error) {
    if (got === "none" && codeOf(error) !== "ENOENT") got = codeOf(error);
    faults.push({ path: flag, expected: `a readable ${shownFile(file)} with ${content}`, got });
    return undefined;
  }
}

/** What is no path may be the secret itself, written where its file belongs. */
function shownFile(file: string): string {
  return /^\.{0,2}\//.test(file) ? file : "file (what is there is not shown: it is no path that begins with / or .)";
}

function checkToken(text: string): void {
  if (!/^[!-~]+$/.test(text.trim())) throw new Error("no token");
}

/** OpenSSL skips over what it cannot read in a list of certificates, and would then trust nobody without a word. */
function checkCertificates(pem: string): void {
  const blocks = pem.match(/-----BEGIN [^-]*CERTIFICATE-----[^-]*-----END [^-]*CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw new Error("no certificate");
  for (const block of blocks) new X509Certificate(block);
}
