/** The shipped answer for what no rule takes, as Envoy Gateway writes it into a route: a reason, and nobody is asked. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { aiGateway, pickerFilter, toPool } from "../support/ai-gateway.ts";
import { chatOfSize } from "../support/chat-of-size.ts";
import { type EchoPods, startEchoPods } from "../support/echo-backend.ts";
import { ask, echoOf } from "../support/http-framings.ts";
import { type PickerProcess, startPicker } from "../support/picker-process.ts";
import { directly, without } from "../support/pool-gateway.ts";
import { findTestEnvoy } from "../support/test-envoy.ts";

const testEnvoy = await findTestEnvoy();
const text = readFileSync(new URL("../../deploy/gateways/envoy-gateway/no-route.yaml", import.meta.url), "utf8");
interface Direct {
  readonly spec: {
    readonly directResponse?: { statusCode: number; contentType: string; body: { inline: string } };
  };
}
const [found] = parseAllDocuments(text).flatMap((document) => (document.toJS() as Direct).spec.directResponse ?? []);
if (found === undefined) throw new Error("no-route.yaml answers nothing");
const said = JSON.parse(found.body.inline) as object;

describe.skipIf(testEnvoy === undefined)("no-route.yaml", () => {
  let pods: EchoPods;
  let picker: PickerProcess;

  beforeAll(async () => {
    pods = await startEchoPods(1);
    picker = await startPicker([`--pods=${pods.addresses.join(",")}`]);
  });
  afterAll(async () => {
    await picker?.kill();
    await pods?.close();
  });

  test("answers other paths than those of the rules, and leaves these alone", async () => {
    const answering = { match: { prefix: "/" }, ...directly(found.statusCode, said) };
    const routes = [
      toPool({ path_separated_prefix: "/v1" }),
      { ...answering, typed_per_filter_config: without(pickerFilter) },
    ];
    const config = aiGateway({ picker: picker.address, pods: pods.addresses, mode: "duplex", routes });
    const envoy = await testEnvoy!.start({ config });
    try {
      const port = envoy.ports.get("requests")!;
      const body = chatOfSize(89);
      const send = (path: string) => ask({ port, framing: "h1 content-length", path, body });
      const refused = await send("/v2/chat/completions");
      expect([refused.status, refused.headers["content-type"]]).toEqual([404, found.contentType]);
      expect(JSON.parse(refused.body.toString())).toMatchObject({
        error: { code: "no_route", message: expect.stringContaining("No route"), param: null },
      });
      expect(await picker.metric("pointsman_picks_total")).toBe(0);
      expect(echoOf(await send("/v1/chat/completions")).bytes).toBe(body.length);
      expect(await picker.metric("pointsman_picks_total")).toBe(1);
    } finally {
      await envoy.stop();
    }
  });
});
