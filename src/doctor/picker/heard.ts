/** What the picker itself heard amiss at its port: proof that it is there, and that the two sides do not speak the same. */
import type { Evidence } from "../evidence.ts";
import { signs as allSigns } from "../logs/signs.ts";
import type { Because } from "../probe.ts";

/** Signs of logs, and the kinds under which the picker counts the same. */
const amiss = {
  http1: { signs: ["http1-client"], kinds: ["http1"], says: "The picker was spoken to in HTTP/1.1." },
  tls: {
    signs: ["plaintext-refused", "tls-refused", "tls-handshake"],
    kinds: ["plaintext_refused", "tls_refused", "tls_handshake"],
    says: "The picker refused a connection for its TLS, or for the lack of it.",
  },
  method: {
    signs: ["unknown-method"],
    kinds: ["unknown_method"],
    says: "The port was asked for a service it has not.",
  },
} as const;

/** Its log says it best; then what it counted. */
export function heardAmiss(evidence: Evidence, what: keyof typeof amiss): Because[] {
  const { signs, kinds, says } = amiss[what];
  const logged = evidence.logs.find(({ sign }) => (signs as readonly string[]).includes(sign.name));
  if (logged !== undefined) return [{ says: logged.sign.means, evidence: logged.quote }];
  const counted = evidence.picker?.samples.find(
    ({ name, labels, value }) =>
      name === "pointsman_connections_refused_total" &&
      (kinds as readonly string[]).includes(labels["kind"] ?? "") &&
      value > 0,
  );
  if (counted === undefined) return [];
  // What it counts has mostly a line in its log of the same name.
  const name = (counted.labels["kind"] ?? "").replaceAll("_", "-");
  return [{ says: allSigns.find((sign) => sign.name === name)?.means ?? says, evidence: counted.quote }];
}

/** A picker that heard anything amiss is up, and reached. */
export function wasReached(evidence: Evidence): boolean {
  return (["http1", "tls", "method"] as const).some((what) => heardAmiss(evidence, what).length > 0);
}
