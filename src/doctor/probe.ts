/** What a probe is: it looks for one row of the catalogue in the evidence, and shows the very lines that prove it. */
import type { Row, Step } from "./catalogue/row.ts";
import type { Evidence, EvidenceKind } from "./evidence.ts";
import type { Quote } from "./place.ts";

export interface Sighting {
  /**
   * `fault`: requests fail of it, so many that it is worth it. `risk`: it is wrong, and nothing in the evidence failed of
   * it yet, or a few did. `past`: it was so, and is not worth a word any more.
   */
  readonly weight: "fault" | "risk" | "past";
  /**
   * Present where no request shows it: a log or an object alone tells. It is a fault then where requests fail in one of
   * these steps, or where nothing is known of any request; beside other failures, or where all is well, it is a risk.
   */
  readonly mayCause?: readonly Step[];
  /** What exactly is broken, named so that it can be found: `EnvoyExtensionPolicy default/pointsman`. */
  readonly object: string;
  /** One sentence that is true of this sighting alone: with its names and numbers. */
  readonly says: string;
  /** The lines that prove it, the strongest first; never empty. */
  readonly evidence: readonly [Quote, ...Quote[]];
  /** What stands behind it, the nearest first, where the evidence shows that too. */
  readonly because?: readonly Because[];
  /** For the braces in the row's fix. */
  readonly values?: Readonly<Record<string, string>>;
}

export interface Because {
  readonly says: string;
  readonly evidence: Quote;
}

export interface Probe {
  readonly row: Row;
  /** What it takes to tell: each list suffices. For the report's "could not be checked". */
  readonly needs: readonly (readonly EvidenceKind[])[];
  look(evidence: Evidence): readonly Sighting[];
}
