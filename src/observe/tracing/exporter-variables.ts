/**
 * The variables of the environment that OpenTelemetry's exporters read by themselves, looked at before they do: one that
 * is wrong would end the process with its value on standard error, or send spans elsewhere without a word. What is said
 * names the variable and never its value, which may be a key.
 */
import type { Environment } from "../../config/load-config.ts";

const PREFIX = "OTEL_EXPORTER_OTLP_";
const RESOURCE = "OTEL_RESOURCE_ATTRIBUTES";

export type ExporterProtocol = "grpc" | "http/protobuf";

/** The variable that counts, and its value: that of traces alone beats the one of all that is sent. */
export function exporterVariable(env: Environment, name: string): { readonly name: string; readonly value: string } {
  const names = [`${PREFIX}TRACES_${name}`, `${PREFIX}${name}`];
  const set = names.find((each) => (env[each] ?? "").trim() !== "") ?? `${PREFIX}${name}`;
  return { name: set, value: (env[set] ?? "").trim() };
}

/** With these no span can be sent, or not to where it should. */
export function exporterFaults(env: Environment, protocol: ExporterProtocol, hasOwnEndpoint: boolean): string[] {
  const faults: string[] = [];
  const endpoint = exporterVariable(env, "ENDPOINT");
  if (!hasOwnEndpoint && endpoint.value !== "" && !isEndpoint(endpoint.value, protocol))
    faults.push(`${endpoint.name}: expected a URL such as http://collector:${protocol === "grpc" ? 4317 : 4318}`);
  // Both are sent, those of traces on top.
  for (const name of [`${PREFIX}HEADERS`, `${PREFIX}TRACES_HEADERS`]) {
    if (!pairsOf(env[name]).every((pair) => isHeader(pair, protocol)))
      faults.push(`${name}: expected name=value with commas, of characters that a header may have`);
  }
  return faults;
}

/** These are passed over. */
export function exporterNotes(env: Environment): string[] {
  const notes: string[] = [];
  const timeout = exporterVariable(env, "TIMEOUT");
  if (timeout.value !== "" && !(Number(timeout.value) > 0))
    notes.push(`${timeout.name}: expected milliseconds above 0`);
  const compression = exporterVariable(env, "COMPRESSION");
  if (!["", "none", "gzip"].includes(compression.value)) notes.push(`${compression.name}: expected none or gzip`);
  if (pairsOf(env[RESOURCE]).some((pair) => pair === undefined))
    notes.push(`${RESOURCE}: expected key=value with commas, percent-encoded; none of them is told`);
  return notes;
}

/** undefined where the resource has none. */
export function resourceAttribute(env: Environment, wanted: string): string | undefined {
  return pairsOf(env[RESOURCE]).find((pair) => pair?.[0] === wanted)?.[1];
}

type Pair = readonly [name: string, value: string];

/** undefined stands for what is no pair. */
function pairsOf(text = ""): (Pair | undefined)[] {
  const parts = text.split(",").filter((part) => part.trim() !== "");
  return parts.map((part) => {
    const equals = part.indexOf("=");
    if (equals <= 0) return undefined;
    try {
      return [decodeURIComponent(part.slice(0, equals).trim()), decodeURIComponent(part.slice(equals + 1).trim())];
    } catch {
      return undefined;
    }
  });
}

/** gRPC takes a bare host as well, which it then speaks TLS with. */
function isEndpoint(text: string, protocol: ExporterProtocol): boolean {
  if (protocol === "http/protobuf") return /^https?:\/\//i.test(text) && URL.canParse(text);
  return URL.canParse(/^\w{1,8}:\/\//.test(text) ? text : `https://${text}`);
}

function isHeader(pair: Pair | undefined, protocol: ExporterProtocol): boolean {
  if (pair === undefined) return false;
  const [name, value] = pair;
  if (protocol === "grpc") return /^[0-9a-z_.-]+(?<!-bin)$/i.test(name) && /^[ -~]*$/.test(value);
  return /^[!#$%&'*+.^_`|~0-9a-z-]+$/i.test(name) && /^[\t -~\x80-\xff]*$/.test(value);
}
