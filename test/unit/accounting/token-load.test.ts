import { expect, test } from "vitest";
import { InFlight } from "../../../src/accounting/in-flight.ts";
import { PodTable } from "../../../src/pods/pod-table.ts";

const specs = ["a:1", "b:1"].map((address) => ({ name: address, address }));

function setUp() {
  const table = new PodTable();
  table.reconcile(specs);
  const inFlight = new InFlight(table, () => 0);
  const [a, b] = table.pods();
  if (a === undefined || b === undefined) throw new Error("no pods");
  const pending = () => [a, b].map(({ slot }) => table.columns.pendingTokens[slot]);
  return { table, inFlight, a, b, pending };
}

test("a ticket brings its uncached tokens and takes them with it, to the last one", () => {
  const { inFlight, a, pending } = setUp();
  const tickets = [0.1, 1000.4, 2_000_000.7].map((tokens) => inFlight.open(a, tokens));
  expect(pending()).toEqual([2_001_001, 0]);
  for (const ticket of tickets) inFlight.close(ticket);
  expect(pending()).toEqual([0, 0]);
});

test("the first token of the answer frees them once, the end of the request frees nothing more", () => {
  const { inFlight, a, pending } = setUp();
  const ticket = inFlight.open(a, 500);
  inFlight.open(a, 70);
  inFlight.promptRead(ticket);
  inFlight.promptRead(ticket);
  expect(pending()).toEqual([70, 0]);
  inFlight.close(ticket);
  expect(pending()).toEqual([70, 0]);
});

test("they move with a ticket to the pod that served the request, and go with a pick taken back", () => {
  const { inFlight, a, b, pending } = setUp();
  const ticket = inFlight.open(a, 500);
  inFlight.move(ticket, b);
  expect(pending()).toEqual([0, 500]);
  inFlight.withdraw(ticket);
  expect(pending()).toEqual([0, 0]);
});

test("they end with the pod: nothing is taken from the next tenant of its slot", () => {
  const { table, inFlight, a, b, pending } = setUp();
  const ticket = inFlight.open(b, 500);
  table.reconcile([{ name: a.name, address: a.address }]);
  table.reconcile(specs);
  expect(pending()).toEqual([0, 0]);
  inFlight.promptRead(ticket);
  inFlight.close(ticket);
  expect(pending()).toEqual([0, 0]);
});
