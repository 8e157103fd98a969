/** All kinds of credential, by the name that the config file gives. */
import { apiKey } from "./api-key.ts";
import { aws } from "./aws.ts";
import { azure } from "./azure.ts";
import type { CredentialKind } from "./credential.ts";
import { gcp } from "./gcp.ts";
import { none } from "./none.ts";

const kinds: readonly CredentialKind[] = [none, apiKey, aws, azure, gcp];

export const credentialKinds: ReadonlyMap<string, CredentialKind> = new Map(kinds.map((kind) => [kind.name, kind]));
