import { expect, test } from "vitest";
import { type ErrorCodeSpec, errorCodes } from "../../../src/errors.ts";
import { errorWord, grpcWord } from "../../../src/observe/go-words.ts";

test("errorWord has a word of its own for every status that the picker refuses with, but for faults of its own side", () => {
  const statuses = new Set(Object.values<ErrorCodeSpec>(errorCodes).map(({ status }) => status));
  expect([...statuses].filter((status) => errorWord(status) === "Internal").sort()).toEqual([500, 502]);
  expect([503, 429, 412, 599].map(errorWord)).toEqual([
    ...["ServiceUnavailable", "ResourceExhausted", "PreconditionFailed", "Internal"],
  ]);
});

test("grpcWord is gRPC's name of the status, as Go spells it", () => {
  expect([0, 1, 3, 12, 13, 99].map(grpcWord)).toEqual([
    ...["OK", "Canceled", "InvalidArgument", "Unimplemented", "Internal", "Unknown"],
  ]);
});
