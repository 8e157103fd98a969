/**
 * The rules every source of pods keeps, as a suite. A world is a place that a source reads; the suite changes, breaks
 * and heals it, and listens to what the source makes of that. Nothing waits for time, only for what is told.
 */
import { afterEach, describe, expect, test, vi } from "vitest";
import type { PodSource, SourceEvents } from "../../src/discovery/pod-source.ts";
import type { PodSpec } from "../../src/pods/pod-table.ts";

/** Every pod answers on this port. */
export const POD_PORT = 8000;

export interface PodPlace {
  readonly name: string;
  readonly ip: string;
}

export interface SourceWorld {
  /** A new source that reads this world, in short intervals; some cases use two. */
  open(): PodSource;
  /** From now on exactly these pods exist. */
  set(pods: readonly PodPlace[]): Promise<void> | void;
  /** The place cannot be read any more; or only rubbish. */
  break(): Promise<void> | void;
  /** Undoes `break`; the pods are those set last. */
  heal(): Promise<void> | void;
  /** Another pod takes over the address of one of those set. */
  remake(pod: PodPlace): Promise<void> | void;
  end(): Promise<void> | void;
}

type Need = "change" | "break" | "remake" | "ipv6" | "empty";

export interface SourceTraits {
  /** What its worlds cannot do, and why; the cases that need it are left out, as they would be of no meaning. */
  readonly lacks?: Partial<Record<Need, string>>;
  /** How long the source may take to tell what has become of its world. */
  readonly patienceMs?: number;
}

type Told =
  | { readonly kind: "publish"; readonly pods: readonly PodSpec[] }
  | { readonly kind: "confirm" }
  | { readonly kind: "fail"; readonly problem: string };

const a: PodPlace = { name: "pod-a", ip: "10.0.0.11" };
const b: PodPlace = { name: "pod-b", ip: "10.0.0.12" };
const c: PodPlace = { name: "pod-c", ip: "10.0.0.13" };
const six: PodPlace = { name: "pod-six", ip: "fd00::6" };
const addressOf = ({ ip }: PodPlace) => (ip.includes(":") ? `[${ip}]:${POD_PORT}` : `${ip}:${POD_PORT}`);
const addressPattern = /^(\d+\.\d+\.\d+\.\d+|\[[0-9a-f:.]+\]):[1-9]\d*$/;

/** A listener that writes down what it is told, and sees at once what no source may ever say. */
class Listener implements SourceEvents {
  readonly told: Told[] = [];
  readonly offences: string[] = [];

  publish(pods: readonly PodSpec[]): void {
    const addresses = pods.map(({ address }) => address);
    if (new Set(addresses).size < addresses.length) this.offences.push(`an address twice: ${addresses}`);
    if (!addresses.every((address) => addressPattern.test(address))) this.offences.push(`no address: ${addresses}`);
    if (this.#identities() === identitiesOf(pods)) this.offences.push(`the same set again: ${addresses}`);
    this.told.push({ kind: "publish", pods: [...pods] });
  }

  confirm(): void {
    if (this.#published() === undefined) this.offences.push("confirmed what was never published");
    this.told.push({ kind: "confirm" });
  }

  fail(problem: string): void {
    if (!/^[^\n]{1,500}$/.test(problem)) this.offences.push(`not one sentence: ${JSON.stringify(problem)}`);
    this.told.push({ kind: "fail", problem });
  }

  count(kind: Told["kind"]): number {
    return this.told.filter((event) => event.kind === kind).length;
  }

  /** Of the set published last, in order; undefined before the first. */
  addresses(): string[] | undefined {
    return this.#published()
      ?.map(({ address }) => address)
      .sort();
  }

  identityAt(address: string): string | undefined {
    const pod = this.#published()?.find((one) => one.address === address);
    return pod && (pod.uid ?? pod.name);
  }

  #published(): readonly PodSpec[] | undefined {
    return this.told.findLast((event) => event.kind === "publish")?.pods;
  }

  #identities(): string | undefined {
    const pods = this.#published();
    return pods && identitiesOf(pods);
  }
}

/** The labels too: a source publishes when they change. */
function identitiesOf(pods: readonly PodSpec[]): string {
  return pods
    .map(({ address, name, uid, pool, labels = {} }) =>
      JSON.stringify([address, name, uid, pool, Object.entries(labels).sort()]),
    )
    .sort()
    .join();
}

export function podSourceContract(
  title: string,
  makeWorld: () => Promise<SourceWorld> | SourceWorld,
  { lacks = {}, patienceMs = 8_000 }: SourceTraits = {},
): void {
  const worlds: SourceWorld[] = [];
  const opened: { readonly source: PodSource; readonly listener: Listener }[] = [];

  const worldOf = async (...pods: PodPlace[]) => {
    const world = await makeWorld();
    worlds.push(world);
    await world.set(pods);
    return world;
  };
  const open = (world: SourceWorld) => {
    const [source, listener] = [world.open(), new Listener()];
    opened.push({ source, listener });
    return { source, listener };
  };
  const start = async (world: SourceWorld) => {
    const { source, listener } = open(world);
    await source.start(listener);
    return { source, listener };
  };
  const until = (check: () => void) => vi.waitFor(check, { timeout: patienceMs, interval: 5 });
  const untilTold = (listener: Listener, kind: Told["kind"], times: number) =>
    until(() => expect(listener.count(kind)).toBeGreaterThanOrEqual(times));
  const untilPods = (listener: Listener, ...pods: PodPlace[]) =>
    until(() => expect(listener.addresses()).toEqual(pods.map(addressOf).sort()));
  /** A second source has seen the world as it is now, and again: the first would have told of it by now. */
  const settle = async (world: SourceWorld, ...pods: PodPlace[]) => {
    const { source, listener } = await start(world);
    await untilPods(listener, ...pods);
    if (source.perishable) await untilTold(listener, "confirm", 3);
    source.stop();
  };

  describe(title, { timeout: patienceMs * 6 }, () => {
    afterEach(async () => {
      for (const { source } of opened) source.stop();
      for (const world of worlds.splice(0)) await world.end();
      expect(opened.splice(0).flatMap(({ listener }) => listener.offences)).toEqual([]);
    });

    const testWith = (needs: readonly Need[], name: string, run: () => Promise<void>) => {
      if (needs.every((need) => lacks[need] === undefined)) test(name, run);
    };

    test("has a name for the log", async () => {
      expect((await worldOf(a)).open().name).toMatch(/^[ -~]{3,}$/);
    });

    test("publishes the whole set before start resolves", async () => {
      const { listener } = await start(await worldOf(a, b));
      expect(listener.told[0]?.kind).toBe("publish");
      await untilPods(listener, a, b);
      expect(listener.count("fail")).toBe(0);
    });

    testWith(["ipv6"], "writes IPv6 addresses as Envoy does", async () => {
      const { listener } = await start(await worldOf(a, six));
      await untilPods(listener, a, six);
    });

    testWith(["change"], "publishes the whole set after pods have come, have gone, and both at once", async () => {
      const world = await worldOf(a);
      const { listener } = await start(world);
      for (const pods of [[a, b], [b], [b, c], [a], [c, b]]) {
        await world.set(pods);
        await untilPods(listener, ...pods);
      }
    });

    testWith(["change", "empty"], "publishes the empty set when the last pod has gone", async () => {
      const world = await worldOf(a);
      const { listener } = await start(world);
      await world.set([]);
      await untilPods(listener);
      await world.set([a]);
      await untilPods(listener, a);
    });

    testWith(["remake"], "tells a pod that takes over an address from the one before", async () => {
      const world = await worldOf(a, b);
      const { listener } = await start(world);
      await untilPods(listener, a, b);
      const [before, other] = [listener.identityAt(addressOf(a)), listener.identityAt(addressOf(b))];
      await world.remake(a);
      await until(() => expect(listener.identityAt(addressOf(a))).not.toBe(before));
      await untilPods(listener, a, b);
      expect(listener.identityAt(addressOf(b))).toBe(other);
    });

    test("confirms again and again what does not change, if its set can grow old", async () => {
      const world = await worldOf(a, b);
      const { source, listener } = await start(world);
      if (source.perishable) await untilTold(listener, "confirm", 3);
      else await settle(world, a, b);
      expect(listener.count("publish")).toBe(1);
      expect(listener.count("confirm") > 0).toBe(source.perishable);
    });

    testWith(
      ["break"],
      "keeps its set while the place cannot be read, says so, and is sure again afterwards",
      async () => {
        const world = await worldOf(a, b);
        const { listener } = await start(world);
        await untilPods(listener, a, b);
        const published = listener.count("publish");
        await world.break();
        await untilTold(listener, "fail", 2);
        expect(listener.count("publish")).toBe(published);
        const before = listener.told.length;
        await world.heal();
        await until(() => expect(listener.told.slice(before).some(({ kind }) => kind !== "fail")).toBe(true));
        await untilPods(listener, a, b);
      },
    );

    testWith(["break", "change"], "finds after a failure what has changed meanwhile", async () => {
      const world = await worldOf(a, b);
      const { listener } = await start(world);
      await world.break();
      await untilTold(listener, "fail", 1);
      await world.heal();
      await world.set([b, c]);
      await untilPods(listener, b, c);
    });

    testWith(["break"], "starts where the place cannot be read, and publishes once it can", async () => {
      const world = await worldOf(a);
      await world.break();
      const { listener } = await start(world);
      expect(listener.told[0]?.kind).toBe("fail");
      expect(listener.count("publish")).toBe(0);
      await world.heal();
      await untilPods(listener, a);
    });

    test("says nothing after stop, which may be called twice", async () => {
      const world = await worldOf(a);
      const { source, listener } = await start(world);
      source.stop();
      const told = listener.told.length;
      source.stop();
      if (lacks.change === undefined) await world.set([a, b]);
      await settle(world, a, ...(lacks.change === undefined ? [b] : []));
      expect(listener.told).toHaveLength(told);
    });

    test("ends start and says nothing when it is stopped meanwhile", async () => {
      const world = await worldOf(a);
      const { source, listener } = open(world);
      const started = source.start(listener);
      source.stop();
      const told = listener.told.length;
      await started;
      await settle(world, a);
      expect(listener.told).toHaveLength(told);
    });

    test("never begins when it is stopped before", async () => {
      const world = await worldOf(a);
      const { source, listener } = open(world);
      source.stop();
      await source.start(listener);
      await settle(world, a);
      expect(listener.told).toEqual([]);
    });
  });
}
