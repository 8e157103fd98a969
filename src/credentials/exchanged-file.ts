/** A secret in a file that is exchanged for tokens, anew whenever the file changes and before a token expires. */
import type { CredentialEvents } from "./credential.ts";
import { FollowedFile } from "./followed-file.ts";
import { type Fetched, FreshToken } from "./fresh-token.ts";

export interface Exchange<S, T> {
  /** What the file's text says; throws Unusable. */
  read(text: string): S;
  /** Rejects with TokenRefused. */
  exchange(secret: S, signal: AbortSignal): Promise<Fetched<T>>;
}

/** Open until `close`; `value` is the token, and throws CredentialMissing where there is none. */
export interface ExchangedFile<T> {
  readonly value: T;
  close(): void;
}

export async function exchangeFile<S, T>(
  path: string,
  { read, exchange }: Exchange<S, T>,
  events: CredentialEvents,
): Promise<ExchangedFile<T>> {
  const failed = (why: string) => events.failed(why);
  const token = new FreshToken({
    fetch: (signal) => exchange(file.value, signal),
    renewed: () => events.renewed(),
    failed,
  });
  const file: FollowedFile<S> = new FollowedFile(path, { read, changed: () => token.renewNow(), failed });
  await file.start();
  // Without a secret there is nothing to exchange until there is one.
  if (file.hasValue) await token.first;
  return {
    get value() {
      return token.value;
    },
    close: () => {
      file.close();
      token.close();
    },
  };
}
