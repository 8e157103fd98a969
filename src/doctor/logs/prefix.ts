/** What tools that pass logs on put before each line of them: taken away, so that the line itself can be read. */

/** Each by itself or behind another: `kubectl logs --prefix --timestamps` writes two. */
const prefixes: readonly RegExp[] = [
  // kubectl logs --prefix
  /^\[(?:pod|container)\/[^\]\s]+\] /,
  // As container runtimes keep their files.
  /^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-][\d:]+) (?:stdout|stderr) [FP] /,
  // kubectl logs --timestamps: only where a line that has a beginning of its own follows.
  /^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d) (?=[{[]|[IWEF]\d{4} |\d{4}-\d\d-\d\d|time=|level=|ts=)/,
  // docker compose logs
  /^[\w.-]+ +\| /,
  // stern: pod and container.
  /^[a-z0-9][\w.-]* [a-z0-9][\w-]* (?=[{[])/,
  // journald and syslog
  /^[A-Z][a-z]{2} [ \d]\d [\d:]{8} \S+ [\w./-]+(?:\[\d+\])?: /,
];

export function withoutPrefix(line: string): string {
  let rest = unwrapped(line);
  for (let known = true; known; ) {
    const found = prefixes.map((prefix) => prefix.exec(rest)?.[0].length ?? 0).find((length) => length > 0);
    known = found !== undefined;
    rest = rest.slice(found ?? 0);
  }
  return rest;
}

/** docker keeps each line as a piece of JSON. */
function unwrapped(line: string): string {
  if (!/^\{"log":"/.test(line)) return line;
  try {
    const { log } = JSON.parse(line) as { readonly log: unknown };
    return typeof log === "string" ? log.trimEnd() : line;
  } catch {
    return line;
  }
}

/** Does the text begin as a log does: with a time, a level or a piece of JSON of its own? Behind a prefix too. */
export function beginsAsLog(text: string): boolean {
  const [line = ""] = text.trimStart().split("\n", 1);
  const own = withoutPrefix(line);
  return own !== line || /^(\[?\d{4}[-/]\d\d[-/]\d\d|[IWEF]\d{4} |time=|level=|ts=)/.test(own);
}

/** A line of a program, whatever it says: it has a time or a level, and says so in the way of some logger. */
export function isOfProgram(line: string): boolean {
  const own = withoutPrefix(line);
  return forms.some((form) => form.test(own));
}

const forms: readonly RegExp[] = [
  // JSON with a level.
  /^\{.{0,4000}?"(level|severity|lvl)": ?"?\w/,
  // logfmt, klog
  /^(time|ts|level)=.*\b(level|msg)=|^level=/,
  /^[IWEF]\d{4} [\d:.]+ /,
  // Go's own has no level.
  /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d/,
  // A time and then a level: zap, slf4j, Python.
  /^\[?\d{4}[-/]\d\d[-/]\d\d[T ][\d:.,]{5,20}.{0,80}?\b(TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|FATAL|CRITICAL|PANIC)\b/i,
  // Envoy: time, thread, level, component.
  /^\[\d{4}-\d\d-\d\d [\d:.]+\]\[\d+\]\[\w+\]\[/,
  // Python's own, uvicorn's and vLLM's: a level and then the rest.
  /^(\([^)]*\) )?(TRACE|DEBUG|INFO|WARNING|ERROR|CRITICAL)[: ]/,
];
