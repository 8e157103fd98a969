import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { assumeRole, stsEndpoint } from "../../../../src/credentials/aws/web-identity.ts";
import { TokenRefused } from "../../../../src/credentials/fresh-token.ts";
import { roleAnswer, roleError, TokenServer } from "../../../support/token-server.ts";

let server: TokenServer;
beforeEach(async () => {
  server = await TokenServer.start();
});
afterEach(() => server.stop());

const roleArn = "arn:aws:iam::123456789012:role/llm";
const assume = (token = "sesame") =>
  assumeRole({ endpoint: server.url, roleArn, sessionName: "pointsman" }, token, new AbortController().signal);

async function refusalOf(asked: Promise<unknown>): Promise<string> {
  const error = await asked.then(
    () => expect.unreachable(),
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(TokenRefused);
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain("sesame");
  return (error as TokenRefused).message;
}

describe("assumeRole", () => {
  test("sends the token as AWS documents it and reads keys and their end", async () => {
    server.answer = roleAnswer("ASIAROLE", "secret/key+=", "session/token==", 900);
    const { token, expiresAtMs } = await assume("ey.J0.x");
    expect(token).toEqual({
      accessKeyId: "ASIAROLE",
      secretAccessKey: "secret/key+=",
      sessionToken: "session/token==",
    });
    expect(Math.abs(expiresAtMs - Date.now() - 900_000)).toBeLessThan(9_000);
    expect(Object.fromEntries(server.calls[0]?.form ?? [])).toEqual({
      Action: "AssumeRoleWithWebIdentity",
      Version: "2011-06-15",
      RoleArn: roleArn,
      RoleSessionName: "pointsman",
      WebIdentityToken: "ey.J0.x",
    });
    expect(server.calls[0]?.headers["content-type"]).toMatch(/^application\/x-www-form-urlencoded/);
  });

  test.each([
    [roleError(400, "ExpiredTokenException", "sesame has expired"), "answered 400, ExpiredTokenException"],
    [roleError(403, "AccessDenied", "sesame"), "answered 403, AccessDenied"],
    [roleError(400, "sesame", "sesame"), "answered 400"],
    [() => ({ status: 502, body: "sesame" }), "answered 502"],
    [() => ({ status: 302, headers: { location: "/sesame" }, body: "" }), "answered 302"],
    [() => ({ body: "sesame" }), "gave no token"],
    [roleAnswer("", "sesame", "t"), "gave no token"],
    [roleAnswer("ASIA", "ses\u0001ame", "t"), "gave no token"],
  ])("says in its own words what went wrong: %#", async (answer, words) => {
    server.answer = answer;
    expect(await refusalOf(assume())).toBe(`the token endpoint ${words}`);
  });

  test("refuses keys whose end is not told", async () => {
    const { body = "" } = roleAnswer("ASIA", "sesame", "t")();
    server.answer = () => ({ body: body.replace(/<Expiration>.*<\/Expiration>/, "") });
    expect(await refusalOf(assume())).toBe("the token endpoint does not say when its keys expire");
  });
});

test("stsEndpoint is the region's own", () => {
  expect(stsEndpoint("eu-west-1")).toBe("https://sts.eu-west-1.amazonaws.com");
  expect(stsEndpoint("cn-north-1")).toBe("https://sts.cn-north-1.amazonaws.com.cn");
});
