/** What all credentials have in common that send a token as RFC 6750 has it. */
import type { Credential } from "./credential.ts";
import type { ExchangedFile } from "./exchanged-file.ts";

export function bearer(token: ExchangedFile<string>): Credential {
  return {
    headerNames: ["authorization"],
    signsBody: false,
    headersFor: () => ({ authorization: `Bearer ${token.value}` }),
    close: () => token.close(),
  };
}
