/** The demo prints what to type next: it has to be there in the shell in which somebody types it. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ownCommand } from "../../../src/demo/own-command.ts";

test("ownCommand is pointsman where there is such a command, and npx pointsman in a clone", async () => {
  const folder = await mkdtemp(join(tmpdir(), "pointsman-own-"));
  expect(ownCommand({ PATH: folder })).toBe("npx pointsman");
  expect(ownCommand({})).toBe("npx pointsman");
  await writeFile(join(folder, "pointsman"), "");
  expect(ownCommand({ PATH: `/nowhere:${folder}` })).toBe("pointsman");
  // npm has put its own folders into the path.
  expect(ownCommand({ PATH: folder, npm_command: "exec" })).toBe("npx pointsman");
  await rm(folder, { recursive: true });
});
