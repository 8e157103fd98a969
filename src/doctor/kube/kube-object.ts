/** Objects of Kubernetes as kubectl prints them, and their conditions. */
import { isRecord, Place } from "../place.ts";
import { readYaml } from "./read-yaml.ts";

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  /** Whose word it is, where an object has conditions by parent or by policy target. */
  readonly of: string;
  readonly at: Place;
}

export interface KubeObject {
  readonly kind: string;
  readonly group: string;
  readonly apiVersion: string;
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly at: Place;
}

/** `Kind namespace/name`, as the report names it. */
export function titleOf({ kind, namespace, name }: KubeObject): string {
  return `${kind} ${namespace === "" ? name : `${namespace}/${name}`}`;
}

/** Of these there are many, or they are nobody's business, and nothing is read out of them. */
const unwanted = new Set(
  "Secret Event Lease ReplicaSet ControllerRevision CustomResourceDefinition APIService".split(" "),
);

/** Of one document or many, lists unpacked; throws where the text is no YAML (JSON is YAML). */
export function readObjects(text: string, source: string): KubeObject[] {
  const tree = ofJson(text);
  if (tree !== undefined) return objectsIn(tree, source);
  return readYaml(text, (kind) => !unwanted.has(kind)).flatMap((each) => objectsIn(each, source));
}

/** Of what is a tree already. */
export function objectsIn(tree: unknown, source: string): KubeObject[] {
  return unpacked(new Place(tree, source));
}

/** A large dump takes a hundredth of the time that the parser of YAML needs. */
function ofJson(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function unpacked(place: Place): KubeObject[] {
  if (Array.isArray(place.value)) return place.items().flatMap(unpacked);
  if (!place.at("kind").isThere) return [];
  const kind = place.at("kind").text();
  if (kind.endsWith("List") && Array.isArray(place.at("items").value))
    return place.at("items").items().flatMap(unpacked);
  if (unwanted.has(kind)) return [];
  const apiVersion = place.at("apiVersion").text();
  const metadata = place.at("metadata");
  const labels = metadata.at("labels").value;
  const object: KubeObject = {
    kind,
    apiVersion,
    group: apiVersion.includes("/") ? (apiVersion.split("/")[0] ?? "") : "",
    name: metadata.at("name").text(),
    namespace: metadata.at("namespace").text(),
    labels: isRecord(labels) ? (labels as Record<string, string>) : {},
    at: place,
  };
  return [{ ...object, at: new Place(place.value, place.source, titleOf(object)) }];
}

/** Many probes ask, of each of many thousands of objects. */
const known = new WeakMap<KubeObject, readonly Condition[]>();

/** Its own, and those it has from each parent, ancestor and listener. */
export function conditionsOf(object: KubeObject): readonly Condition[] {
  const conditions = known.get(object) ?? readConditions(object);
  known.set(object, conditions);
  return conditions;
}

function readConditions({ at }: KubeObject): Condition[] {
  const status = at.at("status");
  const groups: readonly (readonly [string, Place])[] = [
    ["", status.at("conditions")],
    ...["parents", "ancestors", "listeners", "parent"].flatMap((key) =>
      status
        .at(key)
        .items()
        .map((each) => [ownerOf(each), each.at("conditions")] as const),
    ),
  ];
  return groups.flatMap(([of, conditions]) => conditions.items().map((each) => readCondition(each, of)));
}

function ownerOf(each: Place): string {
  const ref = each.at("ancestorRef").isThere ? each.at("ancestorRef") : each.at("parentRef");
  return ref.at("name").text() || each.at("name").text();
}

function readCondition(at: Place, of: string): Condition {
  const text = (key: string) => at.at(key).text();
  return { type: text("type"), status: text("status"), reason: text("reason"), message: text("message"), of, at };
}
