/**
 * The rules every kind of credential keeps, as a suite. A world is a place where its secrets stand, numbered; the suite
 * replaces, loses and spoils them while requests go on, and looks for them in everything that is told.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { inspect } from "node:util";
import { describe, expect, type TestContext, test } from "vitest";
import { isCorrect } from "../../src/config/plugin-options.ts";
import { type Credential, type CredentialKind, CredentialMissing } from "../../src/credentials/credential.ts";
import { type OptionValues, withDefaults } from "../../src/routing/option-values.ts";
import { HeardCredential } from "../support/credential-events.ts";
import { fileSwaps, layFile } from "../support/file-swaps.ts";

export interface CredentialWorld {
  /** Beside the defaults. */
  readonly options: OptionValues;
  /** The file that the secrets stand in, and what it says of number n; absent where there is none. */
  readonly file?: { readonly path: string; text(n: number): string };
  /** The number of the secret that let this request in; throws where it is none of them. */
  numberOf(headers: Readonly<Record<string, string>>): number;
  /** All that must be told to nobody. */
  secrets(): readonly string[];
  end(): Promise<void> | void;
}

export interface FollowedWorld extends CredentialWorld {
  readonly file: { readonly path: string; text(n: number): string };
}

export interface RefusingWorld extends FollowedWorld {
  /** From now on whoever is asked for tokens refuses, and quotes all that it was asked with. */
  refuse(): void;
}

export const request = {
  method: "POST",
  host: "provider.example.com",
  path: "/v1/chat/completions",
  headers: { "content-type": "application/json" },
  body: [Buffer.from('{"model":'), Buffer.from('"m"}')],
};

/** Three that differ in what a reader may come upon half-way; all of them are tried on a followed file alone. */
const ways = ["a rename over it", "a swap of Kubernetes' ..data link", "truncation, and writing in two pieces"];

/** What the tests of a kind begin with. */
function actsOf<W extends CredentialWorld>(kind: CredentialKind, makeWorld: () => Promise<W>) {
  const newWorld = async ({ onTestFinished }: TestContext) => {
    const world = await makeWorld();
    onTestFinished(() => world.end());
    return world;
  };
  const openIn = async (world: W, { onTestFinished }: TestContext) => {
    const heard = new HeardCredential();
    const credential = await kind.open({ ...withDefaults(kind.options), ...world.options }, heard);
    onTestFinished(() => credential.close());
    const number = () => world.numberOf(credential.headersFor(request));
    /** Fails where a secret stands in what anybody may come to see. */
    const expectNoLeak = () => {
      const shown = [credential, missingOf(credential), heard.failures].flatMap((each) => [
        inspect(each, { depth: 20, showHidden: true, getters: true, maxStringLength: null }),
        JSON.stringify(each) ?? "",
        String(each),
      ]);
      expect(leaksIn(shown.join("\n"), world.secrets())).toEqual([]);
    };
    return { world, heard, credential, number, expectNoLeak };
  };
  /** With secret n where it belongs, and nothing there without. */
  const open = async (context: TestContext, n: number | undefined) => {
    const world = await newWorld(context);
    if (world.file !== undefined && n !== undefined) layFile(world.file.path, world.file.text(n));
    return openIn(world, context);
  };
  return { newWorld, openIn, open };
}

export function describeCredential(
  title: string,
  kind: CredentialKind,
  makeWorld: () => Promise<CredentialWorld>,
): void {
  const { newWorld, openIn, open } = actsOf(kind, makeWorld);

  describe.concurrent(title, { timeout: 60_000 }, () => {
    test("lets a request in as soon as it is open, by headers that it names", async (context) => {
      const { world, credential, heard, expectNoLeak } = await open(context, 1);
      const headers = credential.headersFor(request);
      expect(world.numberOf(headers)).toBe(1);
      expect(credential.headerNames).toEqual(expect.arrayContaining(Object.keys(headers)));
      expect(credential.headerNames).toEqual(credential.headerNames.map((name) => name.toLowerCase()));
      for (const value of Object.values(headers)) expect(value).toMatch(/^[!-~]([ -~]*[!-~])?$/);
      expect(heard.failures).toEqual([]);
      expectNoLeak();
    });

    test("signs the body exactly where it says so", async (context) => {
      const { credential } = await open(context, 1);
      const hashOf = (text: string) => {
        const headers = credential.headersFor({ ...request, body: [Buffer.from(text)] });
        // The time goes on between the two.
        return JSON.stringify({
          ...headers,
          authorization: credential.signsBody ? "" : headers["authorization"],
          "x-amz-date": "",
        });
      };
      expect(hashOf("a") !== hashOf("b")).toBe(credential.signsBody);
    });

    test("says nothing after close, which may come twice", async (context) => {
      const { world, credential, heard } = await open(context, 1);
      const { heard: other } = await openIn(world, context);
      const [renewals, failures] = [heard.renewals, heard.failures.length];
      credential.close();
      credential.close();
      if (world.file !== undefined) {
        await swap(0, world.file, 2);
        await other.untilRenewed(2);
      }
      expect([heard.renewals, heard.failures.length]).toEqual([renewals, failures]);
    });

    test("declares a kebab-case name, a sentence of help and options inside their own bounds", () => {
      expect(kind.name).toMatch(/^[a-z]+(-[a-z]+)*$/);
      expect(kind.help).toMatch(/\.$/);
      for (const [name, spec] of Object.entries(kind.options)) {
        expect(name).not.toBe("kind");
        expect(isCorrect(spec, spec.default)).toBe(true);
        expect(spec.help).toMatch(/[^.]$/);
      }
    });

    test("finds nothing wrong with the options of this world", async (context) => {
      const { options } = await newWorld(context);
      expect(kind.check?.({ ...withDefaults(kind.options), ...options }) ?? []).toEqual([]);
      for (const [name, value] of Object.entries(options)) {
        expect(isCorrect(kind.options[name] ?? expect.unreachable(name), value)).toBe(true);
      }
    });
  });
}

/** For those whose secrets stand in a file. */
export function describeFollowedCredential(
  title: string,
  kind: CredentialKind,
  makeWorld: () => Promise<FollowedWorld>,
): void {
  describeCredential(title, kind, makeWorld);
  const { open } = actsOf(kind, makeWorld);

  describe.concurrent(`${title}, whose file changes`, { timeout: 60_000 }, () => {
    test("opens without it, says so, throws CredentialMissing, and lets requests in once it is there", async (context) => {
      const { world, heard, credential, number, expectNoLeak } = await open(context, undefined);
      expect(heard.failures).toEqual([`${world.file.path} is not there`]);
      expect(missingOf(credential)).toBeInstanceOf(CredentialMissing);
      expect(credential.headerNames.length).toBeGreaterThan(0);
      writeFileSync(world.file.path, world.file.text(1));
      await heard.untilRenewed(1);
      expect(number()).toBe(1);
      expectNoLeak();
    });

    test("goes from secret to secret under load: no request without one, and none with the old afterwards", async (context) => {
      const { world, heard, number, expectNoLeak } = await open(context, 0);
      const seen: number[] = [];
      let isOver = false;
      const load = (async () => {
        for (; !isOver; await new Promise((resolve) => setTimeout(resolve, 1))) seen.push(number());
      })();
      try {
        for (const round of ways.keys()) {
          await swap(round, world.file, round + 1);
          await heard.untilRenewed(round + 2);
          expect(number()).toBe(round + 1);
        }
      } finally {
        isOver = true;
        await load;
      }
      expect(seen).toEqual(seen.toSorted((one, other) => one - other));
      expect(seen.length).toBeGreaterThan(20);
      expect([heard.renewals, heard.failures]).toEqual([ways.length + 1, []]);
      expectNoLeak();
    });

    test("keeps the last good secret while the file is gone, empty, spoilt or a folder, and tells nobody of it", async (context) => {
      const { world, heard, number, expectNoLeak } = await open(context, 1);
      const { file } = world;
      const spoils = [
        () => rmSync(file.path),
        () => writeFileSync(file.path, ""),
        () => writeFileSync(file.path, `{ not what it should be: \u0007 ${file.text(2)}`),
        () => {
          rmSync(file.path);
          mkdirSync(file.path);
        },
      ];
      for (const [index, spoil] of spoils.entries()) {
        spoil();
        await heard.untilFailed(index + 1);
        expect(number()).toBe(1);
      }
      expectNoLeak();
      rmSync(file.path, { recursive: true });
      writeFileSync(file.path, file.text(3));
      await heard.untilRenewed(2);
      expect(number()).toBe(3);
    });
  });
}

/** Of a kind that gives its secret to somebody who answers with a token. */
export function describeExchangedCredential(
  title: string,
  kind: CredentialKind,
  makeWorld: () => Promise<RefusingWorld>,
): void {
  describeFollowedCredential(title, kind, makeWorld);
  const { newWorld, openIn, open } = actsOf(kind, makeWorld);

  describe.concurrent(`${title}, which may be refused a token`, { timeout: 60_000 }, () => {
    test("uses what it has while a new secret is refused, and repeats nothing of the refusal", async (context) => {
      const { world, heard, number, expectNoLeak } = await open(context, 1);
      world.refuse();
      writeFileSync(world.file.path, world.file.text(2));
      await heard.untilFailed(2);
      expect(number()).toBe(1);
      expectNoLeak();
    });

    test("opens while it is refused, says so, and repeats nothing of the refusal", async (context) => {
      const world = await newWorld(context);
      world.refuse();
      layFile(world.file.path, world.file.text(1));
      const { heard, credential, expectNoLeak } = await openIn(world, context);
      expect(heard.failures.length).toBeGreaterThan(0);
      expect(missingOf(credential)).toBeInstanceOf(CredentialMissing);
      expectNoLeak();
    });
  });
}

async function swap(way: number, { path, text }: FollowedWorld["file"], n: number): Promise<void> {
  await fileSwaps[ways[way] ?? ""]?.(path, text(n));
}

/** What is thrown where there is no secret; undefined where there is one. */
function missingOf(credential: Credential): unknown {
  try {
    credential.headersFor(request);
    return undefined;
  } catch (error) {
    return error;
  }
}

/** The secrets that stand in a text as they are, or as encoders write them. */
function leaksIn(text: string, secrets: readonly string[]): string[] {
  return secrets.filter((secret) => {
    const bytes = Buffer.from(secret);
    const base64 = bytes.toString("base64").replace(/=+$/, "");
    return [secret, bytes.toString("hex"), base64, encodeURIComponent(secret)].some((form) => text.includes(form));
  });
}
