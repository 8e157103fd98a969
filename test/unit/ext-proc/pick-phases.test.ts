import { expect, test } from "vitest";
import { type PickPhase, type PickPhases, pickPhases } from "../../../src/ext-proc/pick-phases.ts";
import * as envoy from "../../support/envoy-messages.ts";
import { StreamRig } from "../../support/stream-rig.ts";

/** The rig's clock stands still within a message: what takes time there is told by turning it. */
function rigOf() {
  const rig = new StreamRig();
  const told: Record<PickPhase, number>[] = [];
  rig.host.events.timed = ({ startedAtMs, completeAtMs, readAtMs, decidedAtMs, repliedAtMs, learntAtMs }: PickPhases) =>
    told.push({
      wait: completeAtMs - startedAtMs,
      read: readAtMs - completeAtMs,
      route: decidedAtMs - readAtMs,
      reply: repliedAtMs - decidedAtMs,
      learn: learntAtMs - repliedAtMs,
    });
  const { router } = rig.host;
  const [route, learn] = [router.route, router.learn];
  router.route = (...asked) => {
    rig.advance(3);
    return route.apply(router, asked);
  };
  router.learn = (decision) => {
    rig.advance(5);
    return learn.call(router, decision);
  };
  return { rig, told };
}

test("PickPhases of a buffered body tell the wait for it from the routing and from what follows the answer", () => {
  const { rig, told } = rigOf();
  const stream = rig.open();
  const body = envoy.chatBody();
  stream.send(envoy.requestHeaders({ contentLength: Buffer.byteLength(body) }));
  rig.advance(70);
  stream.send(envoy.requestBody(body));
  expect(told).toEqual([{ wait: 70, read: 0, route: 3, reply: 0, learn: 5 }]);
  expect(Object.keys(told[0] ?? {})).toEqual(Object.keys(pickPhases));
});

test("PickPhases of a request without a body have nothing to wait for, and a refusal has no phases", () => {
  const { rig, told } = rigOf();
  rig.open().send(envoy.requestHeaders({ endOfStream: true }));
  expect(told).toEqual([{ wait: 0, read: 0, route: 3, reply: 0, learn: 5 }]);
  const refused = rig.open();
  refused.send(envoy.requestHeaders({ contentLength: 3 }));
  refused.send(envoy.requestBody("no!"));
  expect(rig.refusals).toEqual(["malformed_json"]);
  expect(told).toHaveLength(1);
});
