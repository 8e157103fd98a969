/** Keys of AWS, and where they stand: in the environment, or in a profile of a credentials file. */
import { Unusable } from "../followed-file.ts";

export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** "" for keys that last. */
  readonly sessionToken: string;
}

/** undefined where there are none. */
export function keysInEnvironment(env: NodeJS.ProcessEnv): AwsKeys | undefined {
  const { AWS_ACCESS_KEY_ID = "", AWS_SECRET_ACCESS_KEY = "", AWS_SESSION_TOKEN = "" } = env;
  if (AWS_ACCESS_KEY_ID === "" || AWS_SECRET_ACCESS_KEY === "") return undefined;
  return checkedKeys({
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: AWS_SECRET_ACCESS_KEY,
    sessionToken: AWS_SESSION_TOKEN,
  });
}

/** Of a file as `aws configure` writes it; throws Unusable. */
export function keysInFile(text: string, profile: string): AwsKeys {
  const settings = sectionOf(text, profile);
  if (settings === undefined) throw new Unusable(`has no profile ${profile}`);
  const accessKeyId = settings.get("aws_access_key_id") ?? "";
  const secretAccessKey = settings.get("aws_secret_access_key") ?? "";
  if (accessKeyId === "") throw new Unusable(`has no aws_access_key_id in profile ${profile}`);
  if (secretAccessKey === "") throw new Unusable(`has no aws_secret_access_key in profile ${profile}`);
  return checkedKeys({ accessKeyId, secretAccessKey, sessionToken: settings.get("aws_session_token") ?? "" });
}

/** The id and the token go into headers as they are. */
export function checkedKeys(keys: AwsKeys): AwsKeys {
  if (!/^[\w.-]+$/.test(keys.accessKeyId)) throw new Unusable("has an access key's id of odd letters");
  if (!/^[!-~]+$/.test(keys.secretAccessKey)) throw new Unusable("has a secret key of odd letters");
  if (!/^[!-~]*$/.test(keys.sessionToken)) throw new Unusable("has a session token of odd letters");
  return keys;
}

/** A profile that stands there twice is as the last lines say, as AWS's tools have it. */
function sectionOf(text: string, wanted: string): Map<string, string> | undefined {
  let found: Map<string, string> | undefined;
  let isWanted = false;
  for (const line of text.split(/\r?\n/)) {
    const section = /^\s*\[\s*(?:profile\s+)?["']?([^\]"']*?)["']?\s*\]/.exec(line)?.[1];
    if (section !== undefined) {
      isWanted = section === wanted;
      if (isWanted) found ??= new Map();
      continue;
    }
    const [, key = "", value = ""] = /^([a-z_]+)\s*=\s*(.*?)\s*(?:\s[#;].*)?$/i.exec(line) ?? [];
    if (isWanted && key !== "") found?.set(key.toLowerCase(), value);
  }
  return found;
}
