/** What to type to call this program again, as it was called: in a clone there is no command of its name. */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

export function ownCommand(env: Readonly<Record<string, string | undefined>>): string {
  // npm puts folders into the path that the user's next shell does not have.
  if (env["npm_command"] !== undefined) return "npx pointsman";
  const folders = (env["PATH"] ?? "").split(delimiter).filter(Boolean);
  return folders.some((folder) => existsSync(join(folder, "pointsman"))) ? "pointsman" : "npx pointsman";
}
