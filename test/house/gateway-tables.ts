/** The generated table of the page about gateways: what has been shown of each way to attach the picker. */
import { gatewayPromises } from "../../deploy/gateways/promises.ts";
import { gatewayRows, type Proof } from "../../deploy/gateways/versions.ts";
import { fragments, nameOf, unknownTo } from "../kube/crds/sources.ts";
import { shippedObjects } from "../support/shipped-objects.ts";
import { code, table } from "./markdown.ts";

function proofCell(proof: Proof): string {
  if (proof.verdict === "run here") return `run here: ${code(proof.by)}, Envoy ${proof.envoys.join(", ")}`;
  return `${proof.verdict}: ${proof.verdict === "argued" ? proof.from : proof.why}`;
}

function versionsTable(): string {
  const rows = gatewayRows.map(({ system, versions, way, manifests, shape, whole }) => [
    system,
    versions,
    way,
    manifests.map((path) => `[${path.replace(/^.*\//, "")}](${path})`).join(", "),
    proofCell(shape),
    proofCell(whole),
  ]);
  return table(["System", "Versions", "Way", "Manifests", "Envoy in that shape", "The system itself"], rows);
}

/** Titles as they stand in the test, with the places that each run of it fills. */
function promisesTable(): string {
  const rows = gatewayPromises.map(({ id, promise, shown }) => {
    if (typeof shown === "string") return [id, promise, shown];
    return [id, promise, shown.map(({ by, title }) => `${code(by)}: ${title}`).join("; ")];
  });
  return table(["", "Promised", "Shown by"], rows);
}

/** A path from deploy/, as the page in deploy/gateways links it. */
function linkTo(path: string): string {
  const target = path.startsWith("gateways/") ? path.slice("gateways/".length) : `../${path}`;
  return `[${path.replace(/^gateways\//, "")}](${target})`;
}

/** For each manifest the kinds in it, by whose definitions they are held against. */
function checksTable(): string {
  const kinds = new Map<string, Set<string>>();
  for (const { path, object, sources } of shippedObjects()) {
    const by = sources.map((source) => {
      const left = unknownTo(source, object).map((field) => code(field.replace(/^.*\./, "")));
      return `${nameOf(source)}${left.length === 0 ? "" : `, but for ${left.join(", ")}`}`;
    });
    const key = JSON.stringify([path, by.join("; ")]);
    kinds.set(key, (kinds.get(key) ?? new Set()).add(object.kind));
  }
  const objects = [...kinds].map(([key, found]) => {
    const [path, by] = JSON.parse(key) as [string, string];
    return { path, cells: [[...found].join(", "), by] };
  });
  const others = Object.entries(fragments).map(([path, how]) => ({ path, cells: ["", how] }));
  const rows = [...objects, ...others].sort((one, other) => (one.path < other.path ? -1 : 1));
  return table(
    ["File", "Kinds", "Held against"],
    rows.map(({ path, cells }) => [linkTo(path), ...cells]),
  );
}

export const gatewayTables: Readonly<Record<string, () => string>> = {
  "gateway-versions": versionsTable,
  "gateway-promises": promisesTable,
  "manifest-checks": checksTable,
};
