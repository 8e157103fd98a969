import { describe, expect, test } from "vitest";
import {
  Discovery,
  type PodChange,
  type PodSource,
  podAddress,
  type SourceFailure,
} from "../../../src/pods/discovery.ts";
import { type PodSpec, PodTable } from "../../../src/pods/pod-table.ts";

class ScriptedSource implements PodSource {
  readonly name: string;
  stopped = false;
  publish: (pods: readonly PodSpec[]) => void = () => undefined;
  readonly #first: readonly PodSpec[] | Error | string;

  constructor(name: string, first: readonly PodSpec[] | Error | string) {
    this.name = name;
    this.#first = first;
  }

  async start(publish: (pods: readonly PodSpec[]) => void): Promise<void> {
    this.publish = publish;
    await Promise.resolve();
    if (this.#first instanceof Error || typeof this.#first === "string") throw this.#first;
    publish(this.#first);
  }

  stop(): void {
    this.stopped = true;
  }
}

function spec(name: string, address = `${name}:1`): PodSpec {
  return { name, address };
}

async function discover(...sources: ScriptedSource[]) {
  const table = new PodTable();
  const changes: string[] = [];
  const failures: SourceFailure[] = [];
  const names = (pods: PodChange["joined"]) => pods.map((pod) => pod.name).join(" ");
  const discovery = new Discovery({
    table,
    sources,
    onChange: ({ source, joined, left }) => changes.push(`${source}: +${names(joined)} -${names(left)}`),
    onFailure: (failure) => failures.push(failure),
  });
  await discovery.start();
  return { discovery, changes, failures, names: () => table.pods().map((pod) => pod.name) };
}

describe("Discovery", () => {
  test("fills the table with the union of its sources and reports per source", async () => {
    const { names, changes } = await discover(
      new ScriptedSource("one", [spec("a"), spec("b")]),
      new ScriptedSource("two", [spec("c")]),
    );
    expect(names()).toEqual(["a", "b", "c"]);
    expect(changes).toEqual(["one: +a b -", "two: +c -"]);
  });

  test("follows a source that publishes again, and leaves the others' pods alone", async () => {
    const one = new ScriptedSource("one", [spec("a"), spec("b")]);
    const { names, changes } = await discover(one, new ScriptedSource("two", [spec("c")]));
    one.publish([spec("b"), spec("d")]);
    expect(names()).toEqual(["b", "c", "d"]);
    expect(changes.at(-1)).toBe("one: +d -a");
  });

  test("is silent when a source publishes what is known", async () => {
    const one = new ScriptedSource("one", [spec("a")]);
    const { changes } = await discover(one);
    one.publish([spec("a")]);
    expect(changes).toHaveLength(1);
  });

  test("reports a change that only removes", async () => {
    const one = new ScriptedSource("one", [spec("a")]);
    const { names, changes } = await discover(one);
    one.publish([]);
    expect(names()).toEqual([]);
    expect(changes.at(-1)).toBe("one: + -a");
  });

  test("takes a pod that two sources name from the first, and keeps it while one of them names it", async () => {
    const one = new ScriptedSource("one", [spec("mine", "10.0.0.1:1")]);
    const two = new ScriptedSource("two", [spec("yours", "10.0.0.1:1")]);
    const { names } = await discover(one, two);
    expect(names()).toEqual(["mine"]);
    one.publish([]);
    expect(names()).toEqual(["mine"]);
    two.publish([]);
    expect(names()).toEqual([]);
  });

  test.each([[new Error("no such file")], ["no such file"]])(
    "reports a source that fails to start with %j and starts the others",
    async (reason) => {
      const { names, failures } = await discover(
        new ScriptedSource("broken", reason),
        new ScriptedSource("two", [spec("c")]),
      );
      expect(failures).toEqual([{ source: "broken", message: "no such file" }]);
      expect(names()).toEqual(["c"]);
    },
  );

  test("keeps what a source published before it failed", async () => {
    const source = new ScriptedSource("flaky", new Error("lost"));
    const started = discover(source);
    source.publish([spec("a")]);
    expect((await started).names()).toEqual(["a"]);
  });

  test("copies the published set, which stays the source's own", async () => {
    const pods = [spec("a")];
    const { names } = await discover(new ScriptedSource("one", pods), new ScriptedSource("two", []));
    pods.length = 0;
    expect(names()).toEqual(["a"]);
  });

  test("stops its sources and ignores what they say afterwards", async () => {
    const one = new ScriptedSource("one", [spec("a")]);
    const { discovery, names } = await discover(one);
    discovery.stop();
    expect(one.stopped).toBe(true);
    one.publish([]);
    expect(names()).toEqual(["a"]);
  });
});

describe("podAddress", () => {
  test.each([
    ["10.0.0.1", "10.0.0.1:8000"],
    ["::1", "[::1]:8000"],
    ["FE80:0:0:0:0:0:0:1", "[fe80::1]:8000"],
    ["2001:db8:0:0:1:0:0:1", "[2001:db8::1:0:0:1]:8000"],
    ["1:0:2:3:4:5:6:7", "[1:0:2:3:4:5:6:7]:8000"],
    ["::ffff:a00:1", "[::ffff:10.0.0.1]:8000"],
  ])("writes %s as %s", (ip, address) => {
    expect(podAddress(ip, 8000)).toBe(address);
  });
});
