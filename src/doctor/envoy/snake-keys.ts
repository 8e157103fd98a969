/** The JSON of protobuf has two spellings of a field; tools of meshes print the one that Envoy itself does not. */
import { isRecord } from "../place.ts";

/** Names of filters and of extensions are no fields: what is below these keys keeps its own keys. */
const mapped = new Set(["typed_per_filter_config", "typed_filter_metadata", "typed_extension_protocol_options"]);
/** Nor is anything that users write themselves. */
const verbatim = "filter_metadata";

export function snakeKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snakeKeys);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      const snake = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      const isField = /^[a-z][a-zA-Z0-9]*$/.test(key);
      const name = isField ? snake : key;
      if (name === verbatim) return [name, inner];
      return [name, mapped.has(name) ? withInnerKeys(inner) : snakeKeys(inner)];
    }),
  );
}

function withInnerKeys(value: unknown): unknown {
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, snakeKeys(inner)]));
}
