import { describe, expect, test } from "vitest";
import { InFlight } from "../../../src/accounting/in-flight.ts";
import { type Pod, PodTable } from "../../../src/pods/pod-table.ts";
import type { Pin } from "../../../src/prefix/prefix-index.ts";

/** Pins that write down what became of them. */
function setUp() {
  const told: string[] = [];
  const names = new Map<Pin, string>();
  const nameOf = (pin: Pin | undefined) => (pin === undefined ? "nothing" : names.get(pin));
  const newPin = (name: string): Pin => {
    const pin = {} as Pin;
    names.set(pin, name);
    return pin;
  };
  const clock = { ms: 0 };
  const table = new PodTable();
  table.reconcile(["a", "b"].map((name) => ({ name, address: name })));
  const inFlight = new InFlight(table, () => clock.ms, {
    release: (pin) => told.push(`release ${nameOf(pin)}`),
    withdraw: (pin) => told.push(`withdraw ${nameOf(pin)}`),
    move: (pin, slot) => {
      told.push(`move ${nameOf(pin)} to ${table.podAt(slot)?.name}`);
      return newPin(`${nameOf(pin)}'`);
    },
  });
  const [a, b] = table.pods() as [Pod, Pod];
  const open = (name: string) => {
    const ticket = inFlight.open(a);
    inFlight.hold(ticket, newPin(name));
    return ticket;
  };
  return { told, clock, table, inFlight, a, b, open, newPin };
}

describe("the pin of a ticket", () => {
  test("is released when the ticket is closed, once", () => {
    const { told, inFlight, open } = setUp();
    const ticket = open("p");
    inFlight.close(ticket);
    inFlight.close(ticket);
    inFlight.promptUnread(ticket);
    expect(told.filter((line) => !line.endsWith("nothing"))).toEqual(["release p"]);
    expect(ticket.pin).toBeUndefined();
  });

  test("is withdrawn when the pick is taken back, or the pod did not read the prompt", () => {
    const { told, inFlight, open } = setUp();
    inFlight.withdraw(open("p"));
    const unread = open("q");
    inFlight.promptUnread(unread);
    expect(told).toEqual(["withdraw p", "withdraw q"]);
    inFlight.close(unread);
    expect(told.slice(2)).toEqual(["release nothing"]);
  });

  test("that comes when its ticket is over is withdrawn at once", () => {
    const { told, inFlight, a, newPin } = setUp();
    const ticket = inFlight.open(a);
    inFlight.close(ticket);
    inFlight.hold(ticket, newPin("late"));
    expect(told).toEqual(["release nothing", "withdraw late"]);
    expect(ticket.pin).toBeUndefined();
  });

  test("follows the ticket to another pod, and stays where that is the same", () => {
    const { told, inFlight, a, b, open } = setUp();
    const ticket = open("p");
    inFlight.move(ticket, a);
    inFlight.move(ticket, b);
    inFlight.close(ticket);
    expect(told).toEqual(["move p to b", "release p'"]);
  });

  test("of an estimate is released when the estimate is over, however", () => {
    const { told, clock, table, inFlight, open } = setUp();
    const [expired, corrected, left, late] = [open("expired"), open("corrected"), open("left"), open("late")];
    inFlight.estimate(corrected);
    clock.ms = 1_000;
    inFlight.correct(corrected.slot, 0, clock.ms);
    inFlight.estimate(expired);
    clock.ms = 900_000;
    inFlight.expire();
    inFlight.estimate(left);
    table.reconcile([]);
    inFlight.estimate(late);
    expect(told).toEqual(["release corrected", "release expired", "release left", "release late"]);
    expect([inFlight.streaming, inFlight.estimated]).toEqual([0, 0]);
  });
});
