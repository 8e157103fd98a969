/** A credential that is not set up: said once when it is opened, and again by every request that would need it. */
import { type Credential, type CredentialEvents, CredentialMissing } from "./credential.ts";

export function neverThere(why: string, headerNames: readonly string[], events: CredentialEvents): Credential {
  events.failed(why);
  return {
    headerNames,
    signsBody: false,
    headersFor: () => {
      throw new CredentialMissing(why);
    },
    close: () => undefined,
  };
}
