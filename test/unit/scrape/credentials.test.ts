import { mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { selfSigned } from "../../../src/ext-proc/self-signed.ts";
import { Credentials } from "../../../src/scrape/credentials.ts";
import { scrapeOptions } from "../../../src/scrape/scrape-options.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pointsman-token-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** As Kubernetes mounts a secret: a link that is turned to another file. */
function mount(name: string, version: number, text: string): string {
  const [path, file] = [join(folder, name), join(folder, `${name}-${version}`)];
  writeFileSync(file, text);
  symlinkSync(file, `${path}-next`);
  renameSync(`${path}-next`, path);
  return path;
}

describe("Credentials.authorization", () => {
  test("is that of the token given, and none without", () => {
    expect(new Credentials(scrapeOptions({ bearerToken: "abc" })).authorization(0)).toBe("Bearer abc");
    expect(new Credentials(scrapeOptions()).authorization(0)).toBeUndefined();
  });

  test("follows its file, looked at no more than once a second", () => {
    const tokenFile = mount("token", 1, "first\n");
    const credentials = new Credentials(scrapeOptions({ bearerToken: "unused", tokenFile }));
    expect(credentials.authorization(0)).toBe("Bearer first");
    mount("token", 2, "other\n");
    expect(credentials.authorization(999)).toBe("Bearer first");
    expect(credentials.authorization(1000)).toBe("Bearer other");
  });

  test("keeps the last token while the file is away, and sends none that is empty", () => {
    const tokenFile = mount("token", 1, "first");
    const credentials = new Credentials(scrapeOptions({ tokenFile }));
    credentials.authorization(0);
    unlinkSync(tokenFile);
    expect(credentials.authorization(5000)).toBe("Bearer first");
    mount("token", 2, " \n");
    expect(credentials.authorization(10_000)).toBeUndefined();
  });

  test("throws while there has been no token to read", () => {
    const credentials = new Credentials(scrapeOptions({ tokenFile: join(folder, "token") }));
    expect(() => credentials.authorization(0)).toThrow("ENOENT");
    mount("token", 1, "late");
    expect(credentials.authorization(1)).toBe("Bearer late");
  });
});

describe("Credentials.secureContext", () => {
  test("is made once for all connections, and anew when the authorities change", () => {
    const caFile = mount("ca.pem", 1, selfSigned("a", new Date()).certificate.toString());
    const credentials = new Credentials(scrapeOptions({ caFile }));
    const first = credentials.secureContext(0);
    expect(credentials.secureContext(60_000)).toBe(first);
    mount("ca.pem", 2, selfSigned("b", new Date()).certificate.toString());
    expect(credentials.secureContext(120_000)).not.toBe(first);
  });
});
