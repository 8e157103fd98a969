/** The whole catalogue, by number. */
import { acceptedRows } from "./accepted.ts";
import { addressRows } from "./address.ts";
import { filterRows } from "./filter.ts";
import { linkRows } from "./link.ts";
import { podRows } from "./pod.ts";
import type { Row } from "./row.ts";
import { secondPhaseRows } from "./second-phase.ts";
import { streamRows } from "./stream.ts";

export const rows = {
  ...acceptedRows,
  ...filterRows,
  ...linkRows,
  ...streamRows,
  ...addressRows,
  ...podRows,
  ...secondPhaseRows,
};

export const catalogue: readonly Row[] = Object.values<Row>(rows).sort((a, b) => a.row - b.row);
