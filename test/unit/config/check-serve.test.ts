import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { scrapeFileFaults, serveFaults } from "../../../src/config/check-serve.ts";
import { loadConfig } from "../../../src/config/load-config.ts";
import { serveOptions } from "../../../src/config/options.ts";
import { poolConfig } from "../../../src/config/pool-config.ts";
import { describeFault } from "../../../src/errors.ts";
import { selfSigned } from "../../../src/ext-proc/self-signed.ts";
import { scrapeOptions } from "../../../src/scrape/scrape-options.ts";

let folder: string;
const [own, other] = [selfSigned("own", new Date()), selfSigned("other", new Date())];

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "pointsman-check-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const faultsOf = (...args: string[]) => serveFaults(loadConfig(serveOptions, args, {})).map(describeFault);

/** A folder of its own with these files in it. */
function folderWith(files: Readonly<Record<string, string | Buffer>>): string {
  const made = mkdtempSync(path.join(folder, "certs-"));
  for (const [name, content] of Object.entries(files)) writeFileSync(path.join(made, name), content);
  return made;
}

test("serveFaults finds nothing wrong with the defaults, nor with free ports", () => {
  expect(faultsOf()).toEqual([]);
  expect(faultsOf("--grpc-port=0", "--grpc-health-port=0", "--metrics-port=0", "--admin-port=0")).toEqual([]);
});

test("serveFaults tells ports that are the same", () => {
  expect(faultsOf("--grpc-health-port=9002", "--admin-port=9090")).toEqual([
    "--grpc-health-port: expected another port than --grpc-port, got 9002",
    "--admin-port: expected another port than --metrics-port, got 9090",
  ]);
});

test.each([
  ["0.0.0.0", "127.0.0.1", 1],
  ["::", "127.0.0.1", 1],
  ["127.0.0.1", "0.0.0.0", 1],
  ["10.0.0.1", "127.0.0.1", 0],
  ["0.0.0.0", "::1", 0],
])("serveFaults lets an admin port be the metrics port only where %s and %s do not overlap", (bind, admin, count) => {
  const ports = ["--metrics-port=9090", "--admin-port=9090"];
  expect(faultsOf(`--bind-address=${bind}`, `--admin-address=${admin}`, ...ports)).toHaveLength(count);
});

test("serveFaults takes a certificate, its key and a CA file with several certificates", () => {
  const certs = folderWith({
    "tls.crt": own.certificate,
    "tls.key": own.key,
    "ca.pem": `${own.certificate}\n${other.certificate}`,
  });
  expect(faultsOf(`--cert-path=${certs}`, `--client-ca-file=${certs}/ca.pem`)).toEqual([]);
});

test("serveFaults names each file that is missing or holds something else", () => {
  const certs = folderWith({ "tls.crt": "-----BEGIN CERTIFICATE-----\nxx\n-----END CERTIFICATE-----\n" });
  mkdirSync(path.join(certs, "ca"));
  expect(faultsOf(`--cert-path=${certs}`, `--client-ca-file=${certs}/ca`)).toEqual([
    `--cert-path: expected a readable ${certs}/tls.crt with certificates in PEM, got something else`,
    `--cert-path: expected a readable ${certs}/tls.key with a private key in PEM, got none`,
    `--client-ca-file: expected a readable ${certs}/ca with certificates in PEM, got EISDIR`,
  ]);
});

test.each([
  ["no certificate at all", "hello"],
  [
    "a good certificate before a broken one",
    `${own.certificate}-----BEGIN CERTIFICATE-----\nxx\n-----END CERTIFICATE-----`,
  ],
])("serveFaults refuses a CA file with %s", (_, content) => {
  const file = path.join(folderWith({ "ca.pem": content }), "ca.pem");
  expect(faultsOf(`--client-ca-file=${file}`)).toEqual([
    `--client-ca-file: expected a readable ${file} with certificates in PEM, got something else`,
  ]);
});

test("serveFaults tells a decision log in a folder that is not there", () => {
  expect(faultsOf("--decision-log=stdout")).toEqual([]);
  expect(faultsOf("--decision-log=no-such-folder/log.jsonl")).toEqual([
    "--decision-log: expected a file in a folder that can be written, got no-such-folder/log.jsonl: ENOENT",
  ]);
});

test("serveFaults refuses a key that belongs to another certificate", () => {
  const certs = folderWith({ "tls.crt": own.certificate, "tls.key": other.key });
  expect(faultsOf(`--cert-path=${certs}`)).toEqual([
    expect.stringContaining(`--cert-path: expected a certificate and its own key in ${certs}, got `),
  ]);
});

test("serveFaults tells TLS switched off and demanded at once", () => {
  expect(faultsOf("--secure-serving=false", "--tls-only")).toEqual([
    "--secure-serving: expected true beside --tls-only or --client-ca-file, got false",
  ]);
});

test("serveFaults tells a buffer that not even one body of the allowed size fits in", () => {
  expect(faultsOf("--body-limit=2Mi", "--buffer-limit=2Mi")).toEqual([]);
  expect(faultsOf("--body-limit=1Gi")).toEqual([
    "--buffer-limit: expected a size of at least that of --body-limit, 1Gi, got 512Mi",
  ]);
});

test("scrapeFileFaults names each file of a pool that is missing or holds something else", () => {
  const write = (name: string, content: string) => {
    writeFileSync(path.join(folder, name), content);
    return path.join(folder, name);
  };
  const token = write("token", "secret\n");
  const faultsFor = (scrape: object, ...flags: string[]) => {
    const config = loadConfig(serveOptions, flags, {});
    const pool = { ...poolConfig("p", [], config), scrape: scrapeOptions({ ...scrape }) };
    return scrapeFileFaults(config, [pool, pool]).map(describeFault);
  };
  expect(faultsFor({ tokenFile: token })).toEqual([]);
  expect(faultsFor({ tokenFile: `${folder}/none` }, `--model-server-token-file=${folder}/none`)).toEqual([
    `--model-server-token-file: expected a readable ${folder}/none with a token, got none`,
  ]);
  expect(faultsFor({ tokenFile: write("two", "one two"), caFile: token })).toEqual([
    `the pool p, scrape.caFile: expected a readable ${token} with certificates in PEM, got something else`,
    `the pool p, scrape.tokenFile: expected a readable ${folder}/two with a token, got something else`,
  ]);
});
