import { expect, test } from "vitest";
import { keysInEnvironment, keysInFile } from "../../../../src/credentials/aws/aws-keys.ts";
import { Unusable } from "../../../../src/credentials/followed-file.ts";

const file = `
# written by hand
[default]
aws_access_key_id = AKIADEFAULT
aws_secret_access_key = default/secret+key=

; another
[ team-b ]
AWS_ACCESS_KEY_ID=ASIATEAMB
aws_secret_access_key=b   ; until spring
aws_session_token = token#with/signs==
s3 =
  max_concurrent_requests = 20
  aws_access_key_id = nested
[profile old]
aws_access_key_id = AKIAOLD
aws_secret_access_key = o
[team-b]
aws_secret_access_key = later
`;

test.each([
  ["default", { accessKeyId: "AKIADEFAULT", secretAccessKey: "default/secret+key=", sessionToken: "" }],
  ["team-b", { accessKeyId: "ASIATEAMB", secretAccessKey: "later", sessionToken: "token#with/signs==" }],
  ["old", { accessKeyId: "AKIAOLD", secretAccessKey: "o", sessionToken: "" }],
])("keysInFile reads profile %s", (profile, keys) => {
  expect(keysInFile(file, profile)).toEqual(keys);
  expect(keysInFile(file.replaceAll("\n", "\r\n"), profile)).toEqual(keys);
});

test.each([
  ["[other]\naws_access_key_id = a", "has no profile default"],
  ["[default]\naws_secret_access_key = sesame", "has no aws_access_key_id in profile default"],
  ["[default]\naws_access_key_id = AKIA", "has no aws_secret_access_key in profile default"],
  ["[default]\naws_access_key_id = AKIA\naws_secret_access_key =", "has no aws_secret_access_key in profile default"],
  ["[default]\naws_access_key_id = A K\naws_secret_access_key = sesame", "has an access key's id of odd letters"],
  ["[default]\naws_access_key_id = A\naws_secret_access_key = sesame\u0007", "has a secret key of odd letters"],
  [
    "[default]\naws_access_key_id = A\naws_secret_access_key = s\naws_session_token = ses\u00e4me",
    "has a session token of odd letters",
  ],
])("keysInFile refuses %j without repeating what stands there", (text, why) => {
  expect(() => keysInFile(text, "default")).toThrow(new Unusable(why));
});

test("keysInEnvironment finds keys that last and keys for a while, and nothing where half is missing", () => {
  const both = { AWS_ACCESS_KEY_ID: "AKIA", AWS_SECRET_ACCESS_KEY: "s" };
  expect(keysInEnvironment(both)).toEqual({ accessKeyId: "AKIA", secretAccessKey: "s", sessionToken: "" });
  expect(keysInEnvironment({ ...both, AWS_SESSION_TOKEN: "t" })?.sessionToken).toBe("t");
  expect(keysInEnvironment({ AWS_ACCESS_KEY_ID: "AKIA" })).toBeUndefined();
  expect(keysInEnvironment({ AWS_SECRET_ACCESS_KEY: "s" })).toBeUndefined();
});
