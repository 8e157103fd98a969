/** Keeps pods by their labels, in the words of a Kubernetes selector. */
import { defineFilter } from "../filter.ts";

const word = /[\w.-]*/.source;
const key = /(?:[\w.-]+\/)?[\w.-]+/.source;
const shape = new RegExp(
  `^(?:(?<equals>${key})\\s*(?<not>!?)==?\\s*(?<value>${word})` +
    `|(?<among>${key})\\s+(?<notin>not)?in\\s*\\((?<values>\\s*${word}\\s*(?:,\\s*${word}\\s*)*)\\)(?<orabsent>\\s+or\\s+absent)?` +
    `|(?<absent>!?)\\s*(?<exists>${key}))$`,
);

type Labels = Readonly<Record<string, string>>;

export default defineFilter({
  name: "label",
  summary: "Pods whose labels meet every requirement, such as role=decode, zone in (a, b), gpu or !draining.",
  ground: "facts",
  options: {
    requirements: {
      default: [],
      pattern: shape,
      expects:
        'a requirement such as "a=b", "a!=b", "a in (b, c)", "a in (b, c) or absent", "a notin (b, c)", "a" or "!a"',
      help: "what the labels must meet, all of it",
    },
    fallbackOnEmpty: { default: false, help: "all pods stay where none meets the requirements" },
  },
  whenNoneIsLeft: ({ fallbackOnEmpty }) => (fallbackOnEmpty ? "all stay" : "no_pod_left"),
  build: ({ requirements }) => {
    const tests = requirements.map(readRequirement);
    const keep = ({ labels }: { labels: Labels }) => tests.every((meets) => meets(labels));
    return () => keep;
  },
});

/** A label that is absent meets `!=` and `notin`, as in Kubernetes. */
function readRequirement(text: string): (labels: Labels) => boolean {
  const found = shape.exec(text.trim())?.groups ?? {};
  const { equals, not, value, among, notin, values, orabsent, absent, exists = "" } = found;
  if (equals !== undefined) return (labels) => (labels[equals] === value) !== (not === "!");
  if (among !== undefined) {
    const allowed = new Set((values ?? "").split(",").map((each) => each.trim()));
    if (orabsent !== undefined && notin === undefined) allowed.add(NO_LABEL);
    return (labels) => allowed.has(labels[among] ?? NO_LABEL) !== (notin !== undefined);
  }
  return (labels) => Object.hasOwn(labels, exists) !== (absent === "!");
}

/** No value of a label: they hold no blanks. */
const NO_LABEL = " ";
