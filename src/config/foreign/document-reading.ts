/** What the parts of an EndpointPickerConfig are read with: the document, where faults go, and what is to be said. */
import type { FaultListener, YamlTree } from "../../discovery/yaml-tree.ts";

/** What is accepted without effect, or is called otherwise now: one line at the start. */
export interface StartNote {
  /** The flag, plugin or part of the document. */
  readonly about: string;
  readonly says: string;
}

export interface DocumentReading {
  readonly tree: YamlTree;
  readonly fault: FaultListener;
  readonly notes: StartNote[];
}
