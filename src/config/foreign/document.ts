/** Reads an EndpointPickerConfig, the Go picker's configuration: its plugins, its profile, and where its pods come from. */
import { isMap, isScalar } from "yaml";
import { nearestWord } from "../../discovery/nearest-word.ts";
import { quoted } from "../../discovery/pod-address.ts";
import type { FaultListener, Field, YamlTree } from "../../discovery/yaml-tree.ts";
import type { Profile } from "../../routing/profile.ts";
import type { GivenScrapeOptions } from "../../scrape/scrape-options.ts";
import type { SourceConfig } from "../pool-config.ts";
import type { DocumentReading, StartNote } from "./document-reading.ts";
import { readGates } from "./feature-gates.ts";
import { noteIdleSections } from "./idle-sections.ts";
import { type Instance, readPlugins } from "./instances.ts";
import { listOf, mappingOf, toggle } from "./parameters.ts";
import { readProfile } from "./read-profile.ts";
import { readReference } from "./references.ts";

export interface ForeignDocument {
  readonly profile: Profile;
  /** The pods that a discovery plugin finds; undefined where Kubernetes is asked, as the flags say. */
  readonly source?: SourceConfig;
  readonly scrape: GivenScrapeOptions;
  readonly notes: readonly StartNote[];
}

const apiVersions = ["llm-d.ai/v1alpha1", "inference.networking.x-k8s.io/v1alpha1"];
const rootKeys = [
  "apiVersion",
  "kind",
  "featureGates",
  "plugins",
  "schedulingProfiles",
  "dataLayer",
  "data",
  "flowControl",
  "requestHandler",
  "saturationDetector",
  "parser",
];

/** `root` is a mapping that says of itself that it is one. */
export function readDocument(tree: YamlTree, fault: FaultListener, root: Field): ForeignDocument {
  const reading: DocumentReading = { tree, fault, notes: [] };
  const fields = isMap(root.node) ? tree.fields(root, root.node, rootKeys) : new Map<string, Field>();
  const written = (key: string): Field | undefined => {
    const field = fields.get(key);
    const isEmpty =
      field === undefined || field.node === undefined || (isScalar(field.node) && field.node.value === null);
    return isEmpty ? undefined : field;
  };
  readApiVersion(reading, fields.get("apiVersion") ?? tree.missing(root, "apiVersion"));
  readGates(reading, written("featureGates"));
  const instances = readPlugins(reading, written("plugins"));
  const profile = readProfile(reading, written("schedulingProfiles"), instances);
  const source = readDataLayer(reading, written("dataLayer") ?? written("data"), instances);
  noteIdleSections(reading, written, instances);
  return {
    profile,
    scrape: scrapeOf(reading, instances),
    notes: reading.notes,
    ...(source !== undefined && { source }),
  };
}

function readApiVersion({ tree }: DocumentReading, field: Field): void {
  const expected = `one of ${apiVersions.join(", ")}`;
  const text = tree.text(field, expected);
  if (text !== undefined && !apiVersions.includes(text)) tree.wrong(field, expected, nearestWord(text, apiVersions));
}

const dataLayerKeys = [
  "injectDefaults",
  "sources",
  "discovery",
  "peerDiscovery",
  "crossReplicaSyncerPluginRef",
  "crossReplicaSyncInterval",
];
const replicaKeys = ["peerDiscovery", "crossReplicaSyncerPluginRef", "crossReplicaSyncInterval"];

function readDataLayer(
  reading: DocumentReading,
  section: Field | undefined,
  instances: ReadonlyMap<string, Instance>,
): SourceConfig | undefined {
  if (section === undefined) return undefined;
  const { tree, fault, notes } = reading;
  if (!isMap(section.node)) return tree.wrong(section, `a mapping with ${dataLayerKeys.join(", ")}`);
  const fields = tree.fields(section, section.node, dataLayerKeys);
  for (const key of replicaKeys) {
    const field = fields.get(key);
    if (field !== undefined) fault(field.place, "nothing: replicas share no state here", `the key ${quoted(key)}`);
  }
  const inject = fields.get("injectDefaults");
  if (inject !== undefined && toggle.read(tree, inject) === false) {
    notes.push({ about: "dataLayer injectDefaults", says: "pods are asked for their metrics in any case" });
  }
  const reference = referenceTo(reading, instances, "data layer");
  const sources = fields.get("sources");
  if (sources !== undefined) {
    listOf(mappingOf({ pluginRef: reference, extractors: listOf(mappingOf({ pluginRef: reference })) })).read(
      tree,
      sources,
    );
  }
  const discovery = fields.get("discovery");
  if (discovery === undefined) return undefined;
  const read = mappingOf({ pluginRef: reference }).read(tree, discovery);
  const instance = read?.pluginRef;
  if (instance === undefined) return read && tree.wrong(discovery, "a mapping with pluginRef");
  const { source } = instance.made;
  if (source === undefined && instance.isDone) {
    fault(discovery.place, "the name of a plugin that finds pods, such as file-discovery", quoted(instance.name));
  }
  return source;
}

function referenceTo(
  reading: DocumentReading,
  instances: ReadonlyMap<string, Instance>,
  role: Instance["role"],
): { readonly expects: string; read(tree: YamlTree, field: Field): Instance | undefined } {
  const read = (_tree: YamlTree, field: Field) => readReference(reading, field, instances, role);
  return { expects: "the name of a plugin", read };
}

/** Of two sources of one kind the later would win by chance: the Go picker keeps both, one page is enough here. */
function scrapeOf({ fault }: DocumentReading, instances: ReadonlyMap<string, Instance>): GivenScrapeOptions {
  const options: Record<string, unknown> = {};
  for (const { made, name, place } of instances.values()) {
    for (const [key, value] of Object.entries(made.scrape ?? {})) {
      if (key in options && options[key] !== value)
        fault(place, `one plugin that says ${key} of scraping`, quoted(name));
      else options[key] = value;
    }
  }
  return options;
}
