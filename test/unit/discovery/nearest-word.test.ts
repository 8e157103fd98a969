import { expect, test } from "vitest";
import { nearestWord } from "../../../src/discovery/nearest-word.ts";

test.each([
  ["prt", "port"],
  ["Address", "address"],
  ["adress", "address"],
  ["lables", "labels"],
  ["weight", undefined],
  ["", undefined],
  ["x", undefined],
  ["address".repeat(20), undefined],
])("nearestWord finds for %j %j", (written, meant) => {
  expect(nearestWord(written, ["name", "address", "port", "labels"])).toBe(meant);
});
