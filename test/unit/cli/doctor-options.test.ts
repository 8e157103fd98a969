import { tmpdir } from "node:os";
import { describe, expect, test } from "vitest";
import { readDoctorArgs } from "../../../src/cli/doctor-options.ts";
import { ConfigError } from "../../../src/errors.ts";

const here = tmpdir();

function faultsOf(...args: string[]): string[] {
  try {
    readDoctorArgs(args);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.faults.map(({ path, expected, got }) => `${path}: ${expected}: ${got}`);
  }
}

describe("readDoctorArgs", () => {
  test("takes words that belong to no flag for paths, wherever they stand", () => {
    const { inputs, values } = readDoctorArgs([
      here,
      "--json",
      here,
      "--log",
      here,
      "--envoy",
      "localhost:19000/",
      "--line={}",
      "--line",
      "[x",
    ]);
    expect(inputs).toMatchObject({ paths: [here, here, here], lines: ["{}", "[x"], envoy: "http://localhost:19000" });
    expect(values.json).toBe(true);
  });

  test.each([
    { written: "http://p:9090", pages: ["http://p:9090"], port: "" },
    { written: "p:9002", pages: [], port: "p:9002" },
    { written: "[::1]:9002,https://p:9090/", pages: ["https://p:9090"], port: "[::1]:9002" },
    { written: "unix:/run/p.sock", pages: [], port: "unix:/run/p.sock" },
  ])("--picker $written", ({ written, pages, port }) => {
    expect(readDoctorArgs(["--picker", written]).inputs).toMatchObject({ pickerPages: pages, pickerPort: port });
  });

  test("headers of the probe are read and never repeated in a fault", () => {
    const { inputs } = readDoctorArgs(["--probe=gw", "--header", "Authorization: Bearer a:b", "--header=x-key:1"]);
    expect(inputs.headers).toEqual({ authorization: "Bearer a:b", "x-key": "1" });
    expect(faultsOf("--probe=gw", "--header=secret").join()).not.toContain("secret");
  });

  test.each([
    { args: [], fault: /^doctor: something to look at/ },
    { args: ["/no/such"], fault: /^"\/no\/such": a file or folder/ },
    { args: ["--picker=a,b"], fault: /^--picker: / },
    { args: ["--picker=a:1,b:2"], fault: /^--picker: / },
    { args: ["--kubeconfig=/no/such"], fault: /^--kubeconfig: a file, or auto/ },
    { args: ["--compare", here], fault: /^--compare: two folders or files/ },
    { args: ["--probe=gw", "--header=x"], fault: /^--header: / },
    { args: ["--watch", "--compare", here, here], fault: /^--compare --watch: one of them/ },
    { args: ["--compare", here, here, "--envoy=a"], fault: /^--envoy: nothing beside --compare/ },
    { args: ["--compare", here, here, "--line={}"], fault: /^--line: nothing beside --compare/ },
    { args: ["--probe=ftp://gw"], fault: /^--probe: http:/ },
    { args: ["--envoy=a", "--envoy", "b"], fault: /^--envoy: given once/ },
    { args: ["--line"], fault: /^--line: a line: nothing/ },
    { args: [here, "--jsn"], fault: /^--jsn: a flag that --help lists/ },
  ])("$args is refused", ({ args, fault }) => {
    expect(faultsOf(...args)).toEqual([expect.stringMatching(fault)]);
  });

  test("all that is wrong is said at once", () => {
    expect(faultsOf("/no/such", "--envoy=::", "--interval=1", "--colect=x")).toHaveLength(4);
  });
});
