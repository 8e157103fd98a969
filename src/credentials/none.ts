/** No credential: for backends that let everybody in, and for those that get the client's own authorization. */
import { defineCredential } from "./credential.ts";

export const none = defineCredential({
  name: "none",
  help: "Nothing is sent: the backend asks for nothing, or gets the client's own `authorization` by `keepsAuthorization`.",
  options: {},
  open: async () => ({
    headerNames: [],
    signsBody: false,
    headersFor: () => ({}),
    close: () => undefined,
  }),
});
