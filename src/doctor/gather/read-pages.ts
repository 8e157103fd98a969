/** Pages asked for over HTTP, side by side and each with an end: Envoy's admin port, the picker's own. */
import { request } from "undici";
import type { Source } from "../diagnose.ts";
import type { Unread } from "../evidence.ts";
import { type Files, fileLimits } from "./read-files.ts";

const NOT_THERE = "it answers 404";
/** Until it begins to answer, and until it has ended: a large page is long on its way. */
const BEGIN_MS = 3_000;
const WHOLE_MS = 20_000;

/** What each page is called, in a bundle too. */
export const adminPages: Readonly<Record<string, string>> = {
  "config_dump.json": "/config_dump?include_eds",
  "stats.txt": "/stats",
  "clusters.txt": "/clusters",
  "listeners.txt": "/listeners",
  "server_info.json": "/server_info",
};

export const pickerPages: Readonly<Record<string, string>> = {
  "picker-metrics.txt": "/metrics",
  "picker-pods.json": "/debug/pods",
};

/** `optional` pages may not be there: each port has some, and other pickers have others. */
export async function readPages(
  base: string,
  pages: Readonly<Record<string, string>>,
  optional: readonly string[] = [],
): Promise<Files> {
  const sources: Source[] = [];
  const unread: Unread[] = [];
  const asked = Object.entries(pages).map(async ([name, path]) => {
    const answer = await textAt(`${base}${path}`);
    return { name, path, answer };
  });
  for (const { name, path, answer } of await Promise.all(asked)) {
    if ("text" in answer) sources.push({ name: `${base}${path}`, text: answer.text, file: name });
    else if (!optional.includes(name) || answer.why !== NOT_THERE)
      unread.push({ source: `${base}${path}`, why: answer.why });
  }
  // One reason for all of them is said once.
  const reasons = new Set(unread.map(({ why }) => why));
  const isSame = sources.length === 0 && reasons.size === 1 && unread.length > 1;
  return { sources, unread: isSame ? [{ source: base, why: [...reasons].join("") }] : unread };
}

async function textAt(url: string): Promise<{ readonly text: string } | { readonly why: string }> {
  const late = new AbortController();
  const waiting = setTimeout(() => late.abort(), BEGIN_MS);
  const whole = AbortSignal.timeout(WHOLE_MS);
  try {
    const { statusCode, body } = await request(url, { signal: AbortSignal.any([late.signal, whole]) });
    clearTimeout(waiting);
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of body) {
      size += (chunk as Buffer).length;
      if (size > fileLimits.wholeBytes) return { why: `it is longer than ${fileLimits.wholeBytes / 1024 / 1024} MiB` };
      chunks.push(chunk as Buffer);
    }
    if (statusCode === 404) return { why: NOT_THERE };
    if (statusCode !== 200) return { why: `it answers ${statusCode}` };
    return { text: Buffer.concat(chunks).toString("utf8") };
  } catch (error) {
    if (late.signal.aborted) return { why: `no answer within ${BEGIN_MS / 1000} s` };
    return { why: whole.aborted ? `it does not end within ${WHOLE_MS / 1000} s` : reasonOf(error) };
  } finally {
    clearTimeout(waiting);
  }
}

/** In the words of the system: `connect ECONNREFUSED 127.0.0.1:19000`. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors[0] instanceof Error) return error.errors[0].message;
  return error instanceof Error ? error.message : String(error);
}
