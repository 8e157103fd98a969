import { describe, expect, test } from "vitest";
import { wantedPhases } from "../../../src/response/wanted-phases.ts";

describe("wantedPhases", () => {
  test("wants no bodies where nothing reads what they tell", () => {
    const wanted = wantedPhases([{ name: "queue-depth", reads: ["waiting", "prefixHit"] }]);
    expect(wanted).toMatchObject({ responseHeaderMode: "SEND", responseBodyMode: "NONE" });
    expect(wanted.sentence).toContain("response_body_mode NONE");
  });

  test("wants bodies for scorers of answers' times, and says for which", () => {
    const wanted = wantedPhases([
      { name: "queue-depth", reads: ["waiting"] },
      { name: "latency", reads: ["ttft", "tpot"] },
      { name: "mine", reads: ["waiting", "tpot"] },
    ]);
    expect(wanted).toMatchObject({ responseHeaderMode: "SEND", responseBodyMode: "STREAMED" });
    expect(wanted.sentence).toContain("(latency reads ttft and tpot, mine reads tpot)");
    expect(wanted.sentence).not.toContain("queue-depth");
  });

  test("wants bodies where models have other names for clients, though no scorer reads their times", () => {
    const wanted = wantedPhases([{ name: "queue-depth", reads: ["waiting"] }], { renames: true });
    expect(wanted).toMatchObject({ responseBodyMode: "STREAMED", readsTimes: false });
    expect(wanted.sentence).toContain("(rewritten models get their names back)");
    expect(wantedPhases([{ name: "mine", reads: ["ttft"] }], { renames: true }).readsTimes).toBe(true);
  });
});
