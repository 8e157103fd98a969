/** A key that stands in a header as it is, which is how most providers have it. */
import { defineCredential } from "./credential.ts";
import { FollowedFile, oneSecret, Unusable } from "./followed-file.ts";

/** What these say would no longer be true, or Envoy lets nobody set them. */
const taken = /^(host|te|connection|transfer-encoding|upgrade|content-.*|x-envoy-.*)$/i;

export const apiKey = defineCredential({
  name: "api-key",
  help: "A key from a file, in a header: for OpenAI and most others as it stands, for Azure with header `api-key`, for Anthropic with `x-api-key`, for Google AI with `x-goog-api-key`.",
  options: {
    file: { default: "", expects: "a path", help: "File that holds the key and nothing else; followed" },
    header: {
      default: "authorization",
      pattern: /^[\w!#$%&'*+.^`|~-]+$/,
      expects: "the name of a header",
      help: "Header that carries the key",
    },
    scheme: {
      default: "",
      pattern: /^[\w!#$%&'*+.^`|~-]*$/,
      expects: "a word",
      help: "Stands before the key; where it is left out, `Bearer` in `authorization` and nothing in other headers",
    },
  },
  check: ({ file, header }) => [
    ...(file === "" ? [{ option: "file", expects: "the path of a file" }] : []),
    ...(taken.test(header) ? [{ option: "header", expects: "a header that may be set" }] : []),
  ],
  async open({ file, header, scheme }, events) {
    const name = header.toLowerCase();
    const word = scheme === "" && name === "authorization" ? "Bearer" : scheme;
    const key = new FollowedFile(file, {
      read: keyIn,
      changed: () => events.renewed(),
      failed: (why) => events.failed(why),
    });
    await key.start();
    return {
      headerNames: [name],
      signsBody: false,
      headersFor: () => ({ [name]: word === "" ? key.value : `${word} ${key.value}` }),
      close: () => key.close(),
    };
  },
});

/** A key has no space in it; what stands before one is a scheme, which would go out twice. */
function keyIn(text: string): string {
  if (/\s/.test(oneSecret(text))) throw new Unusable("holds more than the key, whose scheme is an option of its own");
  return text;
}
