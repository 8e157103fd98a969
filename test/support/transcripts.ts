/** Transcripts in deploy/doctor.md: written from a run on demand, and held to later runs but for what differs each time. */
import { readFileSync, writeFileSync } from "node:fs";

const page = new URL("../../deploy/doctor.md", import.meta.url);

/** Whoever changes what is printed writes them anew: POINTSMAN_WRITE_TRANSCRIPTS=1 vitest run --project doctor broken-demo */
const isWriting = process.env["POINTSMAN_WRITE_TRANSCRIPTS"] === "1";

/** The block of this name as the page has it; with `isWriting` as it is from now on. */
export function pageTranscript(name: string, now: string): string {
  const text = readFileSync(page, "utf8");
  const [begin, end] = [`<!-- transcript: ${name} -->\n\n\`\`\`text\n`, "\n```\n\n<!-- /transcript -->"];
  const at = text.indexOf(begin);
  const to = text.indexOf(end, at);
  if (at === -1 || to === -1) throw new Error(`deploy/doctor.md has no transcript ${name}`);
  if (!isWriting) return text.slice(at + begin.length, to);
  writeFileSync(page, `${text.slice(0, at + begin.length)}${now}${text.slice(to)}`);
  return now;
}

/** Ports, counts and times are others each time, and so are the names of folders. */
export function steady(text: string): string {
  return text.replace(/\d[\d,.:TZ-]*/g, "#");
}

/** Folders of the machine are nobody's business. */
export function withoutFolders(text: string): string {
  return text.replace(/\/\S*\/pointsman-demo-\w+\//g, "");
}

/** What is broken, why, and what to do: enough of a report to go on with. */
export function inShort(report: string): string {
  const [first = ""] = report.split("\n");
  const [, because = ""] = /\n( {2}Because:\n[\s\S]*?)(?=\n {2}Do:)/.exec(report) ?? [];
  const [, fix = ""] = /\n( {2}Do:\n[\s\S]*?\n {2}Then: .*)/.exec(report) ?? [];
  return [first, because, fix].filter(Boolean).join("\n");
}
