import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { TokenRefused } from "../../../src/credentials/fresh-token.ts";
import { askForToken, isSafeEndpoint } from "../../../src/credentials/token-endpoint.ts";
import { oauthAnswer, oauthError, TokenServer } from "../../support/token-server.ts";

let server: TokenServer;
beforeEach(async () => {
  server = await TokenServer.start();
});
afterEach(() => server.stop());

const ask = (endpoint = `${server.url}/token`, signal = new AbortController().signal) =>
  askForToken({ endpoint, grantType: "client_credentials", parameters: { client_id: "me", key: "sesame" }, signal });

/** Whatever is wrong, nobody gets to see more than these words. */
async function refusalOf(asked: Promise<unknown>): Promise<string> {
  const error = await asked.then(
    () => expect.unreachable(),
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(TokenRefused);
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain("sesame");
  return (error as TokenRefused).message;
}

describe("askForToken", () => {
  test("sends a form and reads token and life from the answer", async () => {
    server.answer = oauthAnswer("abc", 120);
    const before = Date.now();
    const { token, expiresAtMs } = await ask();
    expect(token).toBe("abc");
    expect(expiresAtMs).toBeGreaterThanOrEqual(before + 120_000);
    expect(expiresAtMs).toBeLessThanOrEqual(Date.now() + 120_000);
    const [call] = server.calls;
    expect(call?.path).toBe("/token");
    expect(call?.headers).toMatchObject({ accept: "application/json" });
    expect(call?.headers["content-type"]).toMatch(/^application\/x-www-form-urlencoded/);
    expect(Object.fromEntries(call?.form ?? [])).toEqual({
      grant_type: "client_credentials",
      client_id: "me",
      key: "sesame",
    });
  });

  test("takes a life that is written as a text, and an hour where none is given", async () => {
    const life = async (body: object) => {
      server.answer = oauthError(200, { token_type: "Bearer", access_token: "abc", ...body });
      return (await ask()).expiresAtMs - Date.now();
    };
    expect(Math.abs((await life({ expires_in: "90" })) - 90_000)).toBeLessThan(9_000);
    expect(Math.abs((await life({})) - 3_600_000)).toBeLessThan(9_000);
  });

  test.each([
    [401, { error: "invalid_client", error_description: "sesame is wrong" }, "answered 401, invalid_client"],
    [
      401,
      { error: "invalid_client", error_codes: [7000215], error_description: "AADSTS7000215: sesame" },
      "answered 401, invalid_client, AADSTS7000215",
    ],
    [400, { error: "sesame", error_codes: ["sesame"] }, "answered 400"],
    [400, { error: "invalid_grant", error_codes: [70021, "sesame"] }, "answered 400, invalid_grant, AADSTS70021"],
    [429, { error: "temporarily_unavailable" }, "answered 429, temporarily_unavailable"],
    [503, { error: "server_error", echo: "sesame" }, "answered 503"],
    [200, { error: "sesame" }, "gave no token"],
    [200, { token_type: "Bearer" }, "gave no token"],
    [200, { token_type: "sesame", access_token: "sesame" }, "gave no token"],
    [200, { token_type: "DPoP", access_token: "sesame" }, "gave a token of another type"],
    [200, { token_type: "Bearer", access_token: "ses\name" }, "gave a token of odd letters"],
    [200, { token_type: "Bearer", access_token: "abc", expires_in: -1 }, "gave no token"],
  ])("says in its own words what came of %d %j", async (status, body, words) => {
    server.answer = oauthError(status, body);
    expect(await refusalOf(ask())).toBe(`the token endpoint ${words}`);
  });

  test.each([
    [{ status: 401, headers: { "www-authenticate": 'Bearer realm="sesame"' }, body: "{}" }, "answered 401"],
    [{ status: 200, headers: { "content-type": "text/html" }, body: "<p>sesame</p>" }, "gave no token"],
    [{ status: 500, headers: { "content-type": "text/plain" }, body: "sesame" }, "answered 500"],
    [{ status: 200, body: '{"access_token": "sesame' }, "gave no token"],
    [{ status: 200, body: '["sesame"]' }, "gave no token"],
  ])("says in its own words what came of %j", async (answer, words) => {
    server.answer = () => answer;
    expect(await refusalOf(ask())).toBe(`the token endpoint ${words}`);
  });

  test("stops reading an answer that is longer than any token", async () => {
    const said = { token_type: "Bearer", access_token: "abc" };
    server.answer = () => ({ body: `${" ".repeat(200_000)}${JSON.stringify(said)}` });
    expect((await ask()).token).toBe("abc");
    for (const status of [200, 500]) {
      server.answer = () => ({ status, body: `${" ".repeat(300_000)}${JSON.stringify(said)}` });
      expect(await refusalOf(ask())).toBe("the token endpoint's answer is larger than 256 KiB");
    }
  });

  test("follows no redirection: what would be sent there is secret", async () => {
    const other = await TokenServer.start();
    server.answer = () => ({ status: 307, headers: { location: `${other.url}/token` }, body: "" });
    expect(await refusalOf(ask())).toBe("the token endpoint answered 307");
    expect(other.calls).toEqual([]);
    await other.stop();
  });

  test("says why an endpoint cannot be reached", async () => {
    await server.stop();
    expect(await refusalOf(ask())).toBe("the token endpoint cannot be reached: ECONNREFUSED");
    server = await TokenServer.start();
  });

  test("ends when the signal says so", async () => {
    server.answer = () => ({});
    const stop = new AbortController();
    const asked = ask(undefined, stop.signal);
    stop.abort();
    expect(await refusalOf(asked)).toMatch(/^the token endpoint cannot be reached/);
  });
});

test.each([
  ["https://login.microsoftonline.com", true],
  ["https://sts.internal:8443/x", true],
  ["http://127.0.0.1:8080", true],
  ["http://localhost:8080/token", true],
  ["http://[::1]:80", true],
  ["http://login.example.com", false],
  ["http://127.0.0.1.example.com", false],
  ["https://me:sesame@login.example.com", false],
  ["ftp://127.0.0.1", false],
  ["login.example.com", false],
  ["", false],
])("isSafeEndpoint on %j: %s", (text, isSafe) => {
  expect(isSafeEndpoint(text)).toBe(isSafe);
});
