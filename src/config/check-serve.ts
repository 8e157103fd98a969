/** What is wrong with the settings of `serve` beyond single values: contradictions, and files that do not serve. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { isIPv4 } from "node:net";
import path from "node:path";
import tls from "node:tls";
import { type ConfigFault, codeOf } from "../errors.ts";
import type { Config } from "./options.ts";

export function serveFaults(config: Config): ConfigFault[] {
  const faults = [...portFaults(config), ...certificateFaults(config.certPath), ...clientCaFaults(config.clientCaFile)];
  const { clientCaFile, secureServing, tlsOnly } = config;
  if (!secureServing && (tlsOnly || clientCaFile !== "")) {
    faults.push({ path: "--secure-serving", expected: "true beside --tls-only or --client-ca-file", got: "false" });
  }
  return faults;
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
  const cert = readPem("--cert-path", path.join(folder, "tls.crt"), "certificates", checkCertificates, faults);
  const key = readPem("--cert-path", path.join(folder, "tls.key"), "a private key", createPrivateKey, faults);
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
  if (file !== "") readPem("--client-ca-file", file, "certificates", checkCertificates, faults);
  return faults;
}

/** The file's text; undefined and a fault where it cannot be read, or `check` throws. */
function readPem(
  flag: string,
  file: string,
  content: string,
  check: (pem: string) => unknown,
  faults: ConfigFault[],
): string | undefined {
  let got = "none";
  try {
    const pem = readFileSync(file, "utf8");
    got = "something else";
    check(pem);
    return pem;
  } catch (error) {
    if (got === "none" && codeOf(error) !== "ENOENT") got = codeOf(error);
    faults.push({ path: flag, expected: `a readable ${file} with ${content} in PEM`, got });
    return undefined;
  }
}

/** OpenSSL skips over what it cannot read in a list of certificates, and would then trust nobody without a word. */
function checkCertificates(pem: string): void {
  const blocks = pem.match(/-----BEGIN [^-]*CERTIFICATE-----[^-]*-----END [^-]*CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw new Error("no certificate");
  for (const block of blocks) new X509Certificate(block);
}
