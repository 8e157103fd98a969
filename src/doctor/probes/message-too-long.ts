/** Row 16: a body is one message, and longer than the picker takes. */
import { rows } from "../catalogue/rows.ts";
import { nameOf, troubles, valuesOf } from "../envoy/troubles.ts";
import type { Probe } from "../probe.ts";

/** As the libraries of gRPC put it, in Go and in Node. */
const SIZES = /\((\d+) vs\.? (\d+)\)/;

export const messageTooLong: Probe = {
  row: rows.messageTooLong,
  needs: [["access"], ["logs"]],
  look: (evidence) =>
    // No counter tells it from other errors of the server.
    troubles(evidence, ["tooLong"], () => undefined, "is a risk").map(({ link, error, weight, quotes }) => {
      const [, length, limit] = SIZES.exec(error?.said ?? "") ?? [];
      const sizes = limit === undefined ? "" : `: ${length} bytes, and it takes ${limit}`;
      const received = error?.line?.bytesReceived;
      const body = received === undefined ? "" : ` of a request with ${received} bytes`;
      return {
        weight,
        object: `the picker behind ${nameOf(link)}`,
        says: `the picker refused a message${body} as too long${sizes}`,
        evidence: quotes,
        values: { ...valuesOf(link), ...(limit !== undefined && { limit: `${limit} bytes` }) },
      };
    }),
};
