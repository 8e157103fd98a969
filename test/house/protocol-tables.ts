/** The tables of the endpoint picker protocol: the headers that end at the picker, and the refusals of the Go picker. */
import { type ErrorCodeSpec, errorCodes } from "../../src/errors.ts";
import { controlNames } from "../../src/ext-proc/control-names.ts";
import { goPickerReplies } from "../../src/ext-proc/go-picker-replies.ts";
import { code, table } from "./markdown.ts";

function repliesTable(): string {
  const rows = goPickerReplies.map(({ status, when, reason, codes, note }) => {
    const here = codes.map((each) => {
      const spec: ErrorCodeSpec = errorCodes[each];
      return `${spec.status} ${code(each)}`;
    });
    return [String(status), when, reason && code(reason), here.join(", ") || "never", note];
  });
  return table(["There", "When", "Reason", "Here", "Remark"], rows);
}

function controlTable(): string {
  const rows = Object.values<readonly string[]>(controlNames).map(([now = "", before = ""]) => [
    code(now),
    before && code(before),
  ]);
  return table(["Header", "Older name"], rows);
}

export const protocolTables: Readonly<Record<string, () => string>> = {
  "go-picker-replies": repliesTable,
  "control-headers": controlTable,
};
