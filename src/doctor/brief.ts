/** Long words in a line of the screen: of a piece of JSON the fields that matter, of anything else its beginning. */

import { inOneLine } from "./printable.ts";

/** In the words of all gateways, what says most first: what became of a request, where it was to go, what it was. */
const telling = [
  ["response_code", "status", "level"],
  ["response_code_details", "details", "msg"],
  ["response_flags", "flags", "error"],
  ["route_name", "route"],
  ["upstream_cluster", "cluster"],
  ["bytes_received"],
  ["upstream_host"],
  ["upstream_transport_failure_reason"],
  ["duration"],
  ["method"],
  ["path", "x-envoy-origin-path"],
].flat();

/** Left out parts are seen to be: `...`. */
export function brief(written: string, most: number): string {
  const text = inOneLine(written.trim());
  if (text.length <= most) return text;
  const short = withoutTheRest(text) ?? text;
  return short.length > most ? `${short.slice(0, most)}...` : short;
}

/** undefined where it is no line of JSON, or none of its fields is known. */
function withoutTheRest(text: string): string | undefined {
  if (!text.startsWith("{")) return undefined;
  try {
    const tree = JSON.parse(text) as Readonly<Record<string, unknown>>;
    const names = telling.filter((name) => ![undefined, null, "", "-"].includes(tree[name] as string));
    const shown = names.map((name) => `${JSON.stringify(name)}:${JSON.stringify(tree[name])}`);
    return shown.length === 0 ? undefined : `{${shown.join(",")},...}`;
  } catch {
    return undefined;
  }
}
