/**
 * The contract of a credential: what a request needs to be let in at a provider. One file each. Secrets are read from
 * files and read again when these change; none is ever in an error, a log line, a metric or a page.
 */
import type { OptionSpecs, Options } from "../scorer.ts";

/** The request as it goes out: all that a signature may cover. */
export interface OutgoingRequest {
  readonly method: string;
  /** Where it goes: the host header's value. */
  readonly host: string;
  /** Query included. */
  readonly path: string;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** In pieces, as it is sent. */
  readonly body: readonly Uint8Array[];
}

/** Why a request cannot be let in now: said once, counted, and answered with backend_credential_missing. */
export class CredentialMissing extends Error {
  override readonly name = "CredentialMissing";
}

/** One in use: follows its files or keeps its token fresh until `close`. */
export interface Credential {
  /** Names of all headers it may set, in lower case: what another backend's attempt has to remove. */
  readonly headerNames: readonly string[];
  /** Do they depend on the body? Then it is of no use where the filter shows none. */
  readonly signsBody: boolean;
  /**
   * The headers that let it in. At once, since an attempt waits: a token is fetched beforehand. Throws CredentialMissing
   * where there is none.
   */
  headersFor(request: OutgoingRequest): Readonly<Record<string, string>>;
  close(): void;
}

/** What a credential says of itself. */
export interface CredentialEvents {
  /** A file or a token was read anew. */
  renewed(): void;
  /** It could not be; the last good one stays. `why` has nothing of the secret. */
  failed(why: string): void;
}

export interface CredentialKind<O extends OptionSpecs = OptionSpecs> {
  /** Kebab-case: the file's name and the config key. */
  readonly name: string;
  readonly help: string;
  readonly options: O;
  /** What is wrong with a combination of options, by option; none where all is well. */
  check?(options: Options<O>): readonly { readonly option: string; readonly expects: string }[];
  /** Resolves once the first secret is there, or cannot be had (then `failed` was told and it goes on trying). */
  open(options: Options<O>, events: CredentialEvents): Promise<Credential>;
}

export function defineCredential<const O extends OptionSpecs>(kind: CredentialKind<O>): CredentialKind<O> {
  return kind;
}
