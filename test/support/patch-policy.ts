/** Does to resources of Envoy what an EnvoyPatchPolicy says, as Envoy Gateway would: the operations that the manifests use. */

type Tree = Record<string, unknown>;

interface Operation {
  readonly op: string;
  readonly path?: string;
  /** Where `path` begins: `..list[?(@.name=='NAME')].member`. */
  readonly jsonPath?: string;
  readonly value: unknown;
}

export interface JsonPatch {
  readonly type: string;
  readonly name: string;
  readonly operation: Operation;
}

/** Of one kind and name; who has none of them is not found, as Envoy Gateway's status would say. */
export function patched<T extends object>(resource: T, patches: readonly JsonPatch[]): T {
  if (patches.length === 0) throw new Error("no patch is for this resource");
  const tree = structuredClone(resource) as Tree;
  for (const { operation } of patches) apply(tree, operation);
  return tree as T;
}

function apply(tree: Tree, { op, path = "", jsonPath, value }: Operation): void {
  if (op !== "add") throw new Error(`no operation ${op} is known here`);
  const roots = jsonPath === undefined ? [tree] : located(tree, jsonPath);
  if (roots.length === 0) throw new Error(`${jsonPath} finds nothing`);
  for (const root of roots) add(root, path, value);
}

function located(tree: Tree, jsonPath: string): Tree[] {
  const [, list = "", name, member = ""] = /^\.\.(\w+)\[\?\(@\.name=='([^']+)'\)\]\.(\w+)$/.exec(jsonPath) ?? [];
  if (name === undefined) throw new Error(`no path like ${jsonPath} is known here`);
  return below(tree, list)
    .filter((item) => item["name"] === name)
    .map((item) => item[member] as Tree);
}

/** The items of all lists of this name, however deep. */
function below(node: unknown, list: string): Tree[] {
  if (Array.isArray(node)) return node.flatMap((item) => below(item, list));
  if (typeof node !== "object" || node === null) return [];
  return Object.entries(node).flatMap(([key, value]) => [
    ...(key === list && Array.isArray(value) ? (value as Tree[]) : []),
    ...below(value, list),
  ]);
}

/** A JSON pointer; what is missing on the way is made, and in a list the value goes before what is there. */
function add(root: Tree, pointer: string, value: unknown): void {
  const keys = pointer.split("/").slice(1);
  const last = keys.pop() ?? "";
  let at: Tree = root;
  for (const key of keys) {
    at[key] ??= {};
    at = at[key] as Tree;
  }
  if (Array.isArray(at)) at.splice(Number(last), 0, structuredClone(value));
  else at[last] = structuredClone(value);
}
