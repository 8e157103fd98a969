/**
 * The label selector by which a request narrows its pods, in the words of Kubernetes: `app=chat,zone in (a, b),!old`.
 * It is a client's text, so that every expression here takes time in proportion to its length.
 */
import type { Pod, PodTable, Slot } from "../../pods/pod-table.ts";
import type { SlotList } from "../../pods/pool.ts";

type Labels = Pod["labels"];
type Requirement = (labels: Labels) => boolean;

const LONGEST = 1024;
const key = /^(?:[\w.-]+\/)?[\w.-]+$/;
const word = /^[\w.-]*$/;

/** The slots of `among` whose pods have such labels; undefined where the text is no selector. */
export function selected(table: PodTable, among: SlotList, text: string): SlotList | undefined {
  const requirements = readSelector(text);
  if (requirements === undefined) return undefined;
  const slots = among.slots.subarray(0, among.size).filter((slot) => {
    const labels = table.podAt(slot as Slot)?.labels;
    return labels !== undefined && requirements.every((meets) => meets(labels));
  });
  return { slots, size: slots.length };
}

function readSelector(text: string): readonly Requirement[] | undefined {
  if (text.length > LONGEST) return undefined;
  const requirements: Requirement[] = [];
  for (const piece of piecesOf(text)) {
    const requirement = readRequirement(piece);
    if (requirement === undefined) return undefined;
    requirements.push(requirement);
  }
  return requirements;
}

/** Between commas that stand in no list of values. */
function piecesOf(text: string): readonly string[] {
  const pieces: string[] = [];
  let from = 0;
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const sign = text[at];
    if (sign === "(") depth++;
    else if (sign === ")") depth--;
    else if (sign === "," && depth === 0) {
      pieces.push(text.slice(from, at).trim());
      from = at + 1;
    }
  }
  return [...pieces, text.slice(from).trim()];
}

/** A label that is absent meets `!=` and `notin`, as in Kubernetes. */
function readRequirement(piece: string): Requirement | undefined {
  const list = /^(\S+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(piece);
  if (list !== null) return inList(list[1] ?? "", list[2] === "in", (list[3] ?? "").split(","));
  const pair = /^([^\s=!]+)\s*(=|==|!=)\s*([^\s=]*)$/.exec(piece);
  if (pair !== null) return inList(pair[1] ?? "", pair[2] !== "!=", [pair[3] ?? ""]);
  const isAbsent = piece.startsWith("!");
  const name = isAbsent ? piece.slice(1).trim() : piece;
  if (!key.test(name)) return undefined;
  return (labels) => Object.hasOwn(labels, name) !== isAbsent;
}

function inList(name: string, isIn: boolean, written: readonly string[]): Requirement | undefined {
  const values = written.map((value) => value.trim());
  if (!key.test(name) || !values.every((value) => word.test(value))) return undefined;
  return (labels) => {
    const value = Object.hasOwn(labels, name) ? labels[name] : undefined;
    return (value !== undefined && values.includes(value)) === isIn;
  };
}
