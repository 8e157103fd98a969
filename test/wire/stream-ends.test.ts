/** How streams end, as the metrics tell it: ends, resets and lost connections, on both transports. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { protoMethods } from "../../src/ext-proc/messages.ts";
import { requestHeaders } from "../support/envoy-messages.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { RawConnection } from "../support/raw-connection.ts";

const ENDED = "pointsman_streams_ended_total";
const noError = 0;
const internal = 2;
const cancel = 8;
const encode = (message: ReturnType<typeof requestHeaders>) => protoMethods().process.requestSerialize(message);
const bodyless = encode(requestHeaders({ endOfStream: true }));
const announced = encode(requestHeaders({ contentLength: 100 }));
const unannounced = encode(requestHeaders());

describe.each(["direct", "plain"])("over the %s transport", (transport) => {
  let picker: PickerProcess;

  beforeAll(async () => {
    picker = await startPicker(["--pods=127.0.0.1:1", `--transport=${transport}`]);
  });
  afterAll(() => picker?.kill());

  test.each([
    ["a reset", "cancel", announced, "false", (raw: RawConnection) => raw.resetStream(cancel, false)],
    ["a reset without an error", "cancel", announced, "false", (raw: RawConnection) => raw.resetStream(noError, false)],
    ["a reset for an error", "cancel", bodyless, "true", (raw: RawConnection) => raw.resetStream(internal, false)],
    ["a lost connection", "cancel", announced, "false", (raw: RawConnection) => raw.close()],
    [
      "an end with Envoy's reset",
      "half-close",
      bodyless,
      "true",
      (raw: RawConnection) => raw.resetStream(cancel, true),
    ],
    ["an end with an error", "half-close", announced, "false", (raw: RawConnection) => raw.resetStream(internal, true)],
    ["an end before a body", "half-close", unannounced, "false", (raw: RawConnection) => raw.resetStream(cancel, true)],
  ])("%s counts as %s", async (_, cause, message, answered, end) => {
    const before = await picker.metric(ENDED, { cause, answered });
    const all = await picker.metric(ENDED);
    const picks = await picker.metric("pointsman_picks_total");
    const raw = await RawConnection.open(picker.port);
    await raw.openStream(message);
    await picker.metricBecomes("pointsman_streams_open", 1);
    end(raw);
    await picker.metricBecomes("pointsman_streams_open", 0);
    raw.close();
    expect(await picker.metric(ENDED, { cause, answered })).toBe(before + 1);
    expect(await picker.metric(ENDED)).toBe(all + 1);
    expect(await picker.metric("pointsman_picks_total")).toBe(picks + (answered === "true" ? 1 : 0));
    expect(await picker.metric("pointsman_in_flight")).toBe(0);
  });
});
