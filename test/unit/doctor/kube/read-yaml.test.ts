import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parseAllDocuments, stringify } from "yaml";
import { NotPlain, readPlainYaml } from "../../../../src/doctor/kube/plain-yaml.ts";
import { readYaml } from "../../../../src/doctor/kube/read-yaml.ts";

const byParser = (text: string): unknown[] =>
  parseAllDocuments(text, { uniqueKeys: false })
    .map((document) => document.toJS())
    .filter((tree) => tree !== null);

/** A list as kubectl prints it: keys in order, items as far left as their key, long messages over several lines. */
const list = `apiVersion: v1
items:
- apiVersion: v1
  kind: Pod
  metadata:
    annotations:
      kubectl.kubernetes.io/last-applied-configuration: |
        {"apiVersion":"v1","kind":"Secret",
         "metadata":{}}
      note: "a \\"word\\" of tab\\t"
    creationTimestamp: "2026-01-01T00:00:00Z"
    labels: {}
    name: vllm-0
  spec:
    containers:
    - args:
      - --model
      - 'it''s: here'
      - -v
      command: [sh, -c]
      env: []
      name: vllm # the only one
    - name: other
      ports:
        - containerPort: 8000
          name: 8e3
  status:
    conditions:
    - lastProbeTime: null
      message: 'Failed to pull image "a": rpc error: code = Unknown
        desc = gone

        for good'
      reason: Failed to pull
        and gone
      status: "True"
      ready: true
      count: -3
      share: 1.5
- apiVersion: v1
  data: { token: aGk= }
  kind: Secret
  metadata: { name: s }
- apiVersion: v1
  kind: Node
  metadata:
    name: n
kind: List
metadata:
  resourceVersion: ""
`;

describe("readYaml", () => {
  test("reads what kubectl prints as the parser of all of YAML does", () => {
    expect(readYaml(list, () => true)).toEqual(byParser(list));
    expect(readYaml(`${list}---\n${list}...\n`, () => true)).toEqual(byParser(`${list}---\n${list}`));
    expect(readYaml(list.replaceAll("\n", "\r\n"), () => true)).toEqual(byParser(list.replaceAll("\n", "\r\n")));
  });

  test("passes over items that nobody wants, and knows their kind from no text within", () => {
    const [tree] = readYaml(list, (kind) => kind !== "Secret") as { items: { kind: string }[] }[];
    expect(tree?.items.map(({ kind }) => kind)).toEqual(["Pod", "Node"]);
  });

  test("never needs the parser for the whole of a list", () => {
    expect(() => readPlainYaml(list)).not.toThrow();
  });

  test.each(["a: &x 1\nb: *x\n", "? a\n: b\n", "a:\n\tb: 1\n", "- - a\n", "a: 1\n  b: 2\n", "__proto__: 1\n"])(
    "leaves %j to the parser",
    (text) => {
      expect(() => readPlainYaml(text)).toThrow(NotPlain);
    },
  );

  test("with an anchor reads what it stands for", () => {
    expect(readYaml("kind: a\nx: &x [1]\ny: *x\n", () => true)).toEqual([{ kind: "a", x: [1], y: [1] }]);
  });

  test("refuses what is no YAML, and what is too long for the parser", () => {
    expect(() => readYaml("kind: a\n  b: [\n", () => true)).toThrow();
    expect(() => readYaml(`kind: a\nx: &x ${"b".repeat(5_000_000)}\n`, () => true)).toThrow("4 MiB of it are YAML");
  });

  test.each(["envoy/buffered.yaml", "kubernetes/rbac.yaml", "kubernetes/deployment.yaml"])(
    "reads deploy/%s",
    (name) => {
      const text = readFileSync(new URL(`../../../../deploy/${name}`, import.meta.url), "utf8");
      expect(readYaml(text, () => true)).toEqual(byParser(text));
    },
  );
});

describe("readPlainYaml of texts that look like something else", () => {
  const odd = [
    ..."true null ~ 1 -1 +1 1e3 0x1f 0o7 1.5 .5 -.inf .nan yes 010 1_000 2026-01-01 10.0.0.1:80".split(" "),
    ..."- -a - a: b|a: b|a #b|#x|it's|say \"x\"|two\nlines|tail\n|  lead|{}|[x]|?|&a|*a|!t|%d|@at|`t|>|> x|x:|'q'|\\n|=|<<|é|\t|a\tb".split(
      "|",
    ),
    ...["", "word ".repeat(40), "one\n\ntwo\n  three\n", "|", "|-\n", "\u0001", "\u2028", "---", "..."],
  ];
  const styles = [
    {},
    { indentSeq: false, lineWidth: 40 },
    { lineWidth: 0 },
    { defaultStringType: "QUOTE_SINGLE" },
    { defaultStringType: "QUOTE_DOUBLE", lineWidth: 30 },
  ] as const;

  test.each(styles)("as %j writes them: the same, or none at all", (style) => {
    let read = 0;
    for (const text of odd) {
      const trees = [{ kind: text }, { kind: [text, { name: text, more: [text] }], [text || "x"]: 1 }, [text, [text]]];
      for (const tree of trees) {
        const written = stringify(tree, style);
        try {
          expect(readPlainYaml(written), written).toEqual(byParser(written)[0]);
          read++;
        } catch (error) {
          if (!(error instanceof NotPlain)) throw error;
        }
      }
    }
    expect(read).toBeGreaterThan(odd.length);
  });
});
