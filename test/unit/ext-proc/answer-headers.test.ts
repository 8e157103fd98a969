import { describe, expect, test } from "vitest";
import { headerMap, mutatedHeaders } from "../../../src/ext-proc/messages.ts";
import { StreamRig } from "../../support/stream-rig.ts";

const HEADER = "x-session-token";
const ADDRESS = "10.0.0.1:8000";

/** What the answer's headers are told to carry; `header` is what the profile hands tokens out in. */
function tokenOf(header: string, answer: Readonly<Record<string, string>>): string | undefined {
  const rig = new StreamRig({ pods: [ADDRESS] });
  rig.host.router.tokenHeaderOf = () => header;
  const stream = rig.open();
  stream.headers("BUFFERED", { path: "/v1/models/x", end: true });
  stream.send({ response_headers: { headers: headerMap(answer), end_of_stream: true } });
  const reply = stream.replies.at(-1);
  expect(reply?.response).toBe("response_headers");
  return reply && mutatedHeaders(reply).get(HEADER);
}

describe("tokenReply", () => {
  test("hands out the pod's address in base64 with the headers of an answer", () => {
    const token = tokenOf(HEADER, { ":status": "200" });
    expect(Buffer.from(token ?? "", "base64").toString()).toBe(ADDRESS);
  });

  test("says that the answer came by here where that is wanted", () => {
    const marks = (marksAnswers: boolean, header: string) => {
      const rig = new StreamRig({ pods: [ADDRESS], marksAnswers });
      rig.host.router.tokenHeaderOf = () => header;
      const stream = rig.open().headers("BUFFERED", { path: "/v1/models/x", end: true });
      stream.send({ response_headers: { headers: headerMap({ ":status": "200" }), end_of_stream: true } });
      return [...mutatedHeaders(stream.replies.at(-1) ?? {}).keys()];
    };
    expect(marks(true, "")).toEqual(["x-went-into-resp-headers"]);
    expect(marks(true, HEADER)).toEqual([HEADER, "x-went-into-resp-headers"]);
    expect(marks(false, HEADER)).toEqual([HEADER]);
  });

  test("is not sent where the profile hands none out, nor with an error", () => {
    expect(tokenOf("", { ":status": "200" })).toBeUndefined();
    expect(tokenOf(HEADER, { ":status": "503" })).toBeUndefined();
  });
});
