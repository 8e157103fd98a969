/** `pointsman explain < request.json`: asks a running picker where a request would go now, and why. */
import { loadConfig } from "../config/load-config.ts";
import { flag, type OptionKind, text } from "../config/option-kinds.ts";
import { option } from "../config/option-table.ts";
import { ConfigError } from "../errors.ts";
import type { Explanation } from "../explain/explanation.ts";
import { plainLine } from "../explain/plain-line.ts";
import { writeExplanation } from "../explain/write-explanation.ts";
import { LARGEST_BYTES } from "../observe/explain-routes.ts";
import type { Command } from "./command.ts";

const url: OptionKind<string> = {
  expects: "a URL such as http://127.0.0.1:9091",
  parse: (written) => (/^https?:\/\//.test(written) && URL.canParse(written) ? written : undefined),
  show: String,
};

const options = {
  admin: option("admin", url, "http://127.0.0.1:9091", "The admin port of the picker that is asked."),
  json: option("json", flag, false, "Print the explanation as JSON."),
  decision: option(
    "decision",
    text("an id of /debug/decisions"),
    "",
    "Explain that decision, as it was made, in place of a request.",
  ),
  // Not "seed", whose environment name is that of the picker's own.
  lotSeed: option(
    "lot-seed",
    text("an integer 0..4294967295"),
    "",
    "What the lot between equals is drawn with; by default as for the picker's next request.",
  ),
} as const;

/** As sysexits.h has it. */
const UNAVAILABLE = 69;

export const explain: Command = {
  name: "explain",
  summary: "Say where a request would go now, and why: explain < request.json, a body alone or {path, headers, body}.",
  options,
  run: async (args, { env, out }) => {
    const { admin, json, decision, lotSeed } = loadConfig(options, args, env);
    const answer =
      decision === ""
        ? await ask(admin, lotSeed)
        : await fetched(new URL(`/debug/decisions/${encodeURIComponent(decision)}`, admin));
    if ("fault" in answer) {
      process.stderr.write(`pointsman: ${plainLine(answer.fault)}\n`);
      return UNAVAILABLE;
    }
    const lines = json ? JSON.stringify(answer.told, undefined, 2).split("\n") : writeExplanation(answer.told);
    for (const line of lines) out(plainLine(line));
    return 0;
  },
};

type Answered = { readonly told: Explanation } | { readonly fault: string };

async function ask(admin: string, seed: string): Promise<Answered> {
  if (process.stdin.isTTY) {
    throw new ConfigError([
      { path: "explain", expected: "a request on standard input, or --decision", got: "a terminal" },
    ]);
  }
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  // The picker would hang up in the middle of it.
  if (body.length > LARGEST_BYTES)
    return { fault: `more than ${LARGEST_BYTES} bytes: no request of this size is explained` };
  const target = new URL("/debug/explain", admin);
  if (seed !== "") target.searchParams.set("seed", seed);
  return fetched(target, {
    method: "POST",
    body,
    headers: { "content-type": "application/json" },
  });
}

async function fetched(target: URL, init?: RequestInit): Promise<Answered> {
  try {
    const response = await fetch(target, init);
    const body: unknown = await response.json();
    if (response.ok) return { told: body as Explanation };
    const fault =
      typeof body === "object" && body !== null && "error" in body ? String(body.error) : response.statusText;
    return { fault: `${target.origin} answers ${response.status}: ${fault}` };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
    return { fault: `no picker can be asked at ${target.origin}: ${cause}` };
  }
}
