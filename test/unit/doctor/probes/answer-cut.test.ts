import { expect, test } from "vitest";
import { evidenceOf } from "../../../../src/doctor/diagnose.ts";
import { answerCut } from "../../../../src/doctor/probes/answer-cut.ts";

const line = (fields: object) =>
  JSON.stringify({ response_code: 200, response_flags: "-", method: "POST", bytes_received: 300, ...fields });
const evidence = (text: string) => evidenceOf([{ name: "access.log", text }]);

test("more lines of one fault than a call has room for are counted all the same", () => {
  const [cut] = evidence(line({ response_code: 504, response_flags: "UT", duration: 15_000 })).access;
  const access = Array.from({ length: 200_000 }, () => cut ?? expect.fail("no line"));
  expect(answerCut.look({ ...evidenceOf([]), access })[0]?.says).toContain(
    "200000 of 200000 answers were cut off after 15",
  );
});
