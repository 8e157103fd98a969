import { describe, expect, test } from "vitest";
import sessionAffinity from "../../../scorers/session-affinity.ts";
import { SessionColumn, type SessionPlaces } from "../../../src/affinity/session-column.ts";
import { type PodSpec, PodTable } from "../../../src/pods/pod-table.ts";
import { bodylessRequest } from "../../../src/request/inference-request.ts";
import type { CandidateColumns } from "../../../src/routing/candidates.ts";
import { withDefaults } from "../../../src/routing/option-values.ts";

const defaults = withDefaults(sessionAffinity.options);
const base64 = (text: string) => Buffer.from(text).toString("base64");

const fleet = (count: number): PodSpec[] =>
  Array.from({ length: count }, (_, i) => ({ name: `ns/pod-${i}`, address: `10.0.0.${i + 1}:8000` }));

interface Ask {
  readonly headers?: Readonly<Record<string, string>>;
  readonly session?: string;
}

/** One replica of the picker, with the pods it knows in this order. */
class Replica {
  readonly table = new PodTable();
  readonly column: SessionColumn;

  constructor(specs: readonly PodSpec[], places: Partial<SessionPlaces> = {}) {
    this.table.reconcile(specs);
    this.column = new SessionColumn(this.table, { ...defaults, ...places });
  }

  /** Name of the pod that the session belongs to, "" for none. */
  podOf({ headers, session = "" }: Ask): string {
    const pods = this.table.pods();
    const out = new Float64Array(pods.length).fill(7);
    const hints = { pool: "", subset: undefined, model: "", ...(headers && { headers }) };
    const slots = Int32Array.from(pods, ({ slot }) => slot);
    this.column.fill({ ...bodylessRequest, session }, slots, pods.length, out, {} as CandidateColumns, hints);
    expect(out.filter((value) => value !== 0 && value !== 1)).toEqual(new Float64Array(0));
    expect(out.filter((value) => value === 1).length).toBeLessThanOrEqual(1);
    return pods[out.indexOf(1)]?.name ?? "";
  }
}

const byKey = (key: string): Ask => ({ headers: { "x-session-id": key } });
const keys = Array.from({ length: 4000 }, (_, i) => `session-${i}`);

describe("a key", () => {
  test("has the same pod in every replica, whatever order they learnt the pods in", () => {
    const one = new Replica(fleet(9));
    const other = new Replica(fleet(9).reverse());
    for (const key of keys.slice(0, 200)) {
      const pod = one.podOf(byKey(key));
      expect(pod).not.toBe("");
      expect(other.podOf(byKey(key))).toBe(pod);
    }
  });

  test("spreads over the pods: each gets its share of many, within a fifth", () => {
    const replica = new Replica(fleet(8));
    const counts = new Map<string, number>();
    for (const key of keys) counts.set(replica.podOf(byKey(key)), (counts.get(replica.podOf(byKey(key))) ?? 0) + 1);
    expect(counts.size).toBe(8);
    for (const count of counts.values()) expect(Math.abs(count - 500)).toBeLessThan(100);
  });

  test("stays with its pod when another joins or leaves", () => {
    const [small, large] = [new Replica(fleet(8)), new Replica(fleet(9))];
    const moved = keys.filter((key) => small.podOf(byKey(key)) !== large.podOf(byKey(key)));
    // Those that moved have moved to the pod that joined, a ninth of all.
    for (const key of moved) expect(large.podOf(byKey(key))).toBe("ns/pod-8");
    expect(Math.abs(moved.length - keys.length / 9)).toBeLessThan(100);
  });

  test.each<[string, Ask, string]>([
    ["the first header that came", { headers: { "session-id": "b", "x-session-id": "a" }, session: "c" }, "a"],
    ["another header of the list", { headers: { session_id: "b" }, session: "c" }, "b"],
    ["the body, without a header", { session: "c" }, "c"],
  ])("is taken from %s", (_title, ask, key) => {
    const replica = new Replica(fleet(9));
    expect(replica.podOf(ask)).toBe(replica.podOf({ session: key }));
    expect(replica.podOf(ask)).not.toBe("");
  });

  test.each<[string, string]>([
    ["sid=k1", "k1"],
    ["a=1; sid=k1; b=2", "k1"],
    ["asid=x;  sid = k=1 ", "k=1"],
  ])("is found in the cookie header %j", (cookie, key) => {
    const replica = new Replica(fleet(9), { cookie: "sid" });
    expect(replica.podOf({ headers: { cookie }, session: "in the body" })).toBe(replica.podOf({ session: key }));
  });

  test("is not looked for where the options do not say so", () => {
    const replica = new Replica(fleet(3), { headers: ["X-Conversation"], body: false });
    expect(replica.podOf({ headers: { cookie: "sid=1", "x-session-id": "a" }, session: "b" })).toBe("");
    expect(replica.podOf({ headers: { "x-conversation": "a" } })).not.toBe("");
    expect(new Replica(fleet(3), { cookie: "sid", body: false }).podOf({ headers: { cookie: "other=1" } })).toBe("");
  });
});

describe("a token", () => {
  const pods = [
    { name: "a", address: "10.0.0.1:8000" },
    { name: "b-rank-0", address: "10.0.0.2:8000" },
    { name: "c", address: "[fd00::1]:8000" },
  ];
  const tokenHeader = "x-session-token";
  const replica = new Replica(pods, { tokenHeader });
  test.each([
    ["a", "a"],
    ["default/a", "a"],
    ["default/a-rank-0", "a"],
    ["default/b-rank-0", "b-rank-0"],
    ["10.0.0.2:8000", "b-rank-0"],
    ["[fd00::1]:8000", "c"],
  ])("of %j names the pod %s, whatever the key", (text, name) => {
    expect(replica.podOf({ headers: { "x-session-token": base64(text), "x-session-id": "k" } })).toBe(name);
  });

  test("of a pod that is gone gives way to the key", () => {
    const headers = { "x-session-token": base64("default/gone"), "x-session-id": "k" };
    expect(replica.podOf({ headers })).toBe(replica.podOf(byKey("k")));
  });

  test("of a pod that is gone is a key itself, where there is no other: all replicas give it one new pod", () => {
    const headers = { "x-session-token": base64("default/gone") };
    const other = new Replica([...pods].reverse(), { tokenHeader });
    expect(replica.podOf({ headers })).not.toBe("");
    expect(other.podOf({ headers })).toBe(replica.podOf({ headers }));
  });

  test("names nobody where tokens are neither handed out nor asked for: a client would choose its pod", () => {
    const ask = { headers: { "x-session-token": base64("a"), "x-session-id": "k" } };
    const plain = new Replica(pods);
    expect(plain.column.headers).not.toContain("x-session-token");
    expect(plain.podOf(ask)).toBe(plain.podOf(byKey("k")));
    expect(plain.podOf(byKey("k"))).not.toBe("a");
    expect(new Replica(pods, { handOut: true }).podOf(ask)).toBe("a");
  });

  test("that is no base64, or endless, names nobody and breaks nothing", () => {
    for (const token of ["%%%", "a".repeat(100_000)]) {
      expect(replica.podOf({ headers: { "x-session-token": token, "x-session-id": "k" } })).toBe(
        replica.podOf(byKey("k")),
      );
    }
  });
});

test("a request without a session belongs nowhere", () => {
  expect(new Replica(fleet(4)).podOf({})).toBe("");
  expect(new Replica([]).podOf(byKey("k"))).toBe("");
});

test("the headers to read are those of the options, in lower case, and the cookie's only where one is named", () => {
  const { column } = new Replica([], { headers: ["X-A"], cookie: "", tokenHeader: "" });
  expect(column.headers).toEqual(["x-a"]);
  expect(new Replica([], { headers: [], cookie: "s" }).column.headers).toEqual(["cookie"]);
  expect(new Replica([], { headers: [], handOut: true }).column.headers).toEqual(["x-session-token"]);
});

test("a token is handed out in the header it is read from, if that is wanted", () => {
  const handingOut = (places: Partial<SessionPlaces>) => new Replica([], places).column.tokenHeader;
  expect(handingOut({})).toBe("");
  expect(handingOut({ handOut: true })).toBe("x-session-token");
  expect(handingOut({ handOut: true, tokenHeader: "X-Pod" })).toBe("x-pod");
});
