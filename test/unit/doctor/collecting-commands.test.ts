import { expect, test } from "vitest";
import { collectingCommands } from "../../../src/doctor/collecting-commands.ts";
import { type EvidenceKind, evidenceKinds } from "../../../src/doctor/evidence.ts";

const kinds = Object.keys(evidenceKinds) as EvidenceKind[];

test("collectingCommands says of what is missing how each gateway gives it, and of what is there nothing", () => {
  const all = collectingCommands(kinds).join("\n");
  for (const file of [
    "config_dump.json",
    "stats.txt",
    "clusters.txt",
    "server_info.json",
    "access.log",
    "controller.log",
    "objects.json",
    "picker-metrics.txt",
    "live.json",
  ]) {
    expect(all).toContain(`> ${file}`);
  }
  expect(all).not.toContain("secrets");
  expect(collectingCommands([])).toEqual([]);
  expect(collectingCommands(["stats"]).filter((line) => line.includes(">"))).toEqual([
    expect.stringContaining("> stats.txt"),
  ]);
  // Without a page of the admin port to ask for nobody has to open the way to it.
  expect(collectingCommands(["objects"]).join("\n")).not.toContain("port-forward");
});

test.each(kinds)("collectingCommands has a way to come by %s", (kind) => {
  expect(collectingCommands([kind])).not.toEqual([]);
});
