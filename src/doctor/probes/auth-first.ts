/** Row 50: another filter refused the request before the picker saw it. */
import { rows } from "../catalogue/rows.ts";
import type { Evidence } from "../evidence.ts";
import type { AccessLine } from "../logs/access-line.ts";
import type { Probe, Sighting } from "../probe.ts";

/** What filters of authentication write into the details. */
const DETAILS =
  /^(rbac_access_denied|jwt_authn_access_denied|ext_authz_|oauth|csrf|(missing|unknown|invalid)_api_key|client_not_allowed)|(basic_auth$|_for_basic_auth)/i;

export const authFirst: Probe = {
  row: rows.authFirst,
  needs: [["access"]],
  look: ({ access }: Evidence): Sighting[] => {
    const refused = access.filter(isRefused);
    const [line] = refused;
    // A gateway that asks for a key refuses some requests all its life.
    if (line === undefined || refused.length * 2 <= access.length) return [];
    const isBroken = line.details.startsWith("ext_authz_error");
    const filter = line.details || `flag ${line.flags}`;
    return [
      {
        weight: "fault",
        object: filter,
        says: isBroken
          ? `the service that authorises requests could not be asked, and ${refused.length} of ${access.length} requests were refused for it`
          : `${refused.length} of ${access.length} requests were refused with ${line.status} (${filter}) before the picker was asked`,
        evidence: [line.quote],
        values: { details: filter },
      },
    ];
  },
};

function isRefused({ status, details, flags }: AccessLine): boolean {
  const isOurs = status === 401 || status === 403 || status === 407;
  return isOurs && (DETAILS.test(details) || flags.split(",").includes("UAEX"));
}
