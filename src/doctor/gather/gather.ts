/** Everything that the doctor was pointed at -> one body of evidence, with what could not be had. */
import { evidenceOf, type Source } from "../diagnose.ts";
import type { Evidence, Unread } from "../evidence.ts";
import { askGateway } from "../live/ask-gateway.ts";
import { askPicker } from "../live/ask-picker.ts";
import type { LiveAnswer } from "../live/live-answers.ts";
import { readCluster } from "./read-cluster.ts";
import { type Files, readFiles } from "./read-files.ts";
import { adminPages, pickerPages, readPages } from "./read-pages.ts";

export interface Inputs {
  /** Files and folders. */
  readonly paths: readonly string[];
  /** Lines of an access log, as they stand. */
  readonly lines: readonly string[];
  /** Base URLs of Envoys' admin ports. */
  readonly envoy: string;
  /** Base URLs of the picker's pages: metrics and pods are at ports of their own. */
  readonly pickerPages: readonly string[];
  /** host:port of the picker's ext_proc port; "" tries none. */
  readonly pickerPort: string;
  /** A file, or `auto` for where kubectl looks; "" asks no cluster. */
  readonly kubeconfig: string;
  /** Base URL of the gateway; "" sends no request. */
  readonly probe: string;
  readonly model: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Gathered {
  readonly sources: readonly Source[];
  readonly unread: readonly Unread[];
  readonly asked: readonly LiveAnswer[];
}

/** The live request comes first, so that counters and logs tell of it. */
export async function gather(inputs: Inputs): Promise<Gathered> {
  const { pickerPort, probe, model, headers } = inputs;
  const answers = await Promise.all([
    pickerPort === "" ? [] : askPicker(pickerPort, model),
    probe === "" ? [] : askGateway({ base: probe, model, headers }),
  ]);
  const asked = answers.flat();
  const parts: Files[] = await Promise.all([
    readFiles(inputs.paths),
    inputs.envoy === "" ? nothing : readPages(inputs.envoy, adminPages, ["listeners.txt"]),
    ...inputs.pickerPages.map((base) => readPages(base, pickerPages, Object.keys(pickerPages))),
    inputs.kubeconfig === "" ? nothing : readCluster(inputs.kubeconfig === "auto" ? undefined : inputs.kubeconfig),
  ]);
  const lines = inputs.lines.map((text, index) => ({ name: index === 0 ? "--line" : `--line ${index + 1}`, text }));
  return {
    sources: [...parts.flatMap(({ sources }) => sources), ...lines],
    unread: parts.flatMap(({ unread }) => unread),
    asked,
  };
}

/** Nobody is asked. */
export function ofPaths(...paths: readonly string[]): Inputs {
  const none = { envoy: "", pickerPages: [], pickerPort: "", kubeconfig: "", probe: "", model: "" };
  return { ...none, paths, lines: [], headers: {} };
}

const nothing: Files = { sources: [], unread: [] };

export function evidenceFrom({ sources, unread, asked }: Gathered): Evidence {
  const evidence = evidenceOf(sources);
  return {
    ...evidence,
    ...(asked.length > 0 && { live: { asked } }),
    unread: [...evidence.unread, ...unread],
  };
}
