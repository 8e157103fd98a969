/** The generated table of the page about gateways: what has been shown of each way to attach the picker. */
import { gatewayRows, type Proof } from "../../deploy/gateways/versions.ts";
import { code, table } from "./markdown.ts";

function proofCell(proof: Proof): string {
  if (proof.verdict === "run here") return `run here: ${code(proof.by)}`;
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

export const gatewayTables: Readonly<Record<string, () => string>> = { "gateway-versions": versionsTable };
