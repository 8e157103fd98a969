/** Of logs: the fields of an access log that the doctor reads, and of a program's line the words that mean something to it. */
import { readAccessLine } from "../logs/access-line.ts";
import { readLogLine } from "../logs/log-line.ts";
import { withoutPrefix } from "../logs/prefix.ts";
import type { Sign } from "../logs/signs.ts";
import { isRecord } from "../place.ts";
import { knownWords } from "./known-words.ts";
import { REDACTED, withoutQuery, withoutSecrets } from "./shapes.ts";

/** undefined where no line of it is of use. */
export function keptLines(text: string): string | undefined {
  const lines = text.split("\n").flatMap((line) => {
    if (readAccessLine(line, "") !== undefined) return [keptAccess(withoutPrefix(line.trim()))];
    const log = readLogLine(line, "");
    return log === undefined ? [] : [keptLog(line, log.sign)];
  });
  return lines.length === 0 ? undefined : `${lines.join("\n")}\n`;
}

const NUMBER = /^\d+$/;
const NAME = /^[\w.:;/|@~*,()[\]-]{1,300}$/;
const TIME = /^[\dTZ:.+-]{10,40}$/;
const MODEL_HEADER = /^(model|x-ai-eg-model|x-gateway-model-name|x-[a-z-]*model[a-z-]*)$/i;

/** By the field's name, the form that its value has to have. */
const fields: Readonly<Record<string, RegExp>> = {
  ...ofForm(TIME, "start_time time timestamp"),
  ...ofForm(/^[A-Z]{1,12}$/, "method http_method"),
  ...ofForm(/^[A-Za-z0-9,]{1,40}$/, "response_flags flags"),
  ...ofForm(
    NUMBER,
    `response_code status status_code bytes_received request_bytes bytes_sent response_bytes duration milliseconds duration_ms
    attempt_count upstream_request_attempt_count x-envoy-attempt-count attempts upstream_wire_bytes_sent bytes_sent_upstream`,
  ),
  ...ofForm(
    NAME,
    `upstream_host pod upstream_cluster upstream_cluster_raw cluster route_name route x-gateway-destination-endpoint target-pod`,
  ),
};

const pathFields = new Set(["x-envoy-origin-path", "path", "x_envoy_original_path", "request_path"]);
const wordFields = new Set(["response_code_details", "details", "upstream_transport_failure_reason"]);

function ofForm(form: RegExp, names: string): Record<string, RegExp> {
  return Object.fromEntries(names.split(/\s+/).map((name) => [name, form]));
}

function keptAccess(line: string): string {
  const tree = parsed(line);
  if (!isRecord(tree)) return keptText(line);
  const entries = Object.entries(tree).flatMap(([name, value]): [string, unknown][] => {
    const kept = keptField(name, value);
    return kept === undefined ? [] : [[name, kept]];
  });
  return JSON.stringify(Object.fromEntries(entries));
}

/** undefined where the field is none of those that are read. */
function keptField(name: string, value: unknown): unknown {
  const isRead = name in fields || pathFields.has(name) || wordFields.has(name) || MODEL_HEADER.test(name);
  if (!isRead || (typeof value === "object" && value !== null)) return undefined;
  if (typeof value !== "string") return value;
  if (value === "" || value === "-") return value;
  if (pathFields.has(name)) return keptPath(value);
  if (wordFields.has(name)) return keptDetails(value);
  return (fields[name] ?? NAME).test(value) ? withoutSecrets(value) : REDACTED;
}

function keptPath(path: string): string {
  const bare = withoutQuery(path);
  return /^\/[\w.~:/@*%-]*(\?\[redacted\])?$/.test(bare) ? bare : `/${REDACTED}`;
}

/** The first word is Envoy's or a filter's own; of a sentence behind it the known words stay. */
function keptDetails(text: string): string {
  const [head = ""] = /^[\w.:-]{0,80}(\[[\w.-]{1,80}\]$)?/.exec(text) ?? [];
  return withoutSecrets(head) + knownWords(text.slice(head.length));
}

/** Both formats begin alike; behind that each word has its place, and what stands in no known place goes. */
const TEXT = /^\[([^\]]+)\] "(\S+) (\S*) ([^"]*)" (\d+) (\S+) (.*)$/;
const WORD = /"(?:[^"\\]|\\.)*"|\S+/g;

function keptText(line: string): string {
  const [, time = "", method = "", path = "", protocol = "", status = "", flags = "", rest = ""] =
    TEXT.exec(line) ?? [];
  const words = rest.match(WORD) ?? [];
  const isEnvoys = /^\d+ \d+ \d+ (\d+|-) /.test(rest);
  const places = isEnvoys ? envoys : istios;
  const kept = words.slice(0, places.length).map((word, index) => keptPlace(word, places[index] ?? ""));
  const begin = `[${keptField("start_time", time)}] "${keptField("method", method)} ${keptPath(path)} ${/^HTTP\/[\d.]+$/.test(protocol) ? protocol : "-"}"`;
  return [begin, status, String(keptField("flags", flags)).replace(REDACTED, "-"), ...kept].join(" ");
}

function keptPlace(word: string, field: string): string {
  const isQuoted = word.startsWith('"');
  const bare = isQuoted ? word.slice(1, -1) : word;
  const kept = field === "" ? "-" : String(keptField(field, bare)).replace(REDACTED, "-");
  return isQuoted ? `"${kept}"` : kept;
}

/** What Envoy's own format has behind the flags, and what Istio's has. */
const envoys = "bytes_received bytes_sent duration duration - - - - upstream_host".split(" ").map(withoutDash);
const istios =
  "details - upstream_transport_failure_reason bytes_received bytes_sent duration duration - - - - upstream_host upstream_cluster - - - - route_name"
    .split(" ")
    .map(withoutDash);

function withoutDash(name: string): string {
  return name === "-" ? "" : name;
}

/** What probes read beside the sign itself. */
const beside: Readonly<Record<string, RegExp>> = {
  forbidden:
    /is forbidden: User \\?"[\w:.-]*\\?" cannot \w+ resource \\?"[\w./-]+\\?"( in API group \\?"[\w.-]*\\?")?( in the namespace \\?"[\w-]*\\?"| at the cluster scope)?/,
  "kind-unknown": /no matches for kind \\?"InferencePool\w*\\?"( in version \\?"[\w./]+\\?")?/,
  "update-rejected": /[\w. ]{0,60}(rejected|error adding listener|ACK ERROR)[\w ./:(),;-]{0,300}/i,
  "disk-full": /Failed to create Wasm cache directory|wasm cache is not initialized|"runner"|gatewayapi|xds-translator/,
};

const LEVEL = /\b(TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL|CRITICAL)\b/i;
const STAMP = /\d{4}-\d\d-\d\d[T ][\d:.,]+(Z|[+-]\d\d:?\d\d)?/;

function keptLog(line: string, sign: Sign): string {
  const begin = [STAMP, LEVEL].flatMap((each) => each.exec(line.slice(0, 300))?.[0] ?? []);
  const own = sign.pattern.exec(line)?.[0] ?? "";
  const more = sign.name === "stream-failed" ? [knownWords(line)] : matchesOf(beside[sign.name], line);
  const said = [...begin, ...more, more.some((each) => each.includes(own)) ? "" : own].filter(Boolean).join(" ");
  // Put together anew the words must not say something else.
  const isSame = readLogLine(said, "")?.sign === sign;
  return withoutSecrets(isSame ? said : own);
}

function matchesOf(pattern: RegExp | undefined, line: string): string[] {
  return pattern === undefined ? [] : [...line.matchAll(new RegExp(pattern, `${pattern.flags}g`))].map(([all]) => all);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
