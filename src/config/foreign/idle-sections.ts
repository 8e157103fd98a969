/** The parts of an EndpointPickerConfig that have nothing to do here: checked all the same, and said to be idle. */
import { isMap } from "yaml";
import type { Field, YamlTree } from "../../discovery/yaml-tree.ts";
import type { DocumentReading } from "./document-reading.ts";
import type { Instance } from "./instances.ts";
import { amount, anything, count, duration, listOf, mappingOf, type ParameterKind, toggle } from "./parameters.ts";
import type { PluginRole } from "./plugin.ts";
import { readReference } from "./references.ts";

type Written = (key: string) => Field | undefined;

const OFF = "requests are not queued here, nor there without the gate flowControl";

export function noteIdleSections(
  reading: DocumentReading,
  written: Written,
  instances: ReadonlyMap<string, Instance>,
): void {
  const to = (role: PluginRole): ParameterKind<Instance> => ({
    expects: "the name of a plugin",
    read: (_tree: YamlTree, field: Field) => readReference(reading, field, instances, role),
  });
  const policy = to("flow control");
  const detector = mappingOf({ pluginRef: to("filter") });
  const parser = mappingOf({ pluginRef: to("parser") });
  const band = mappingOf({
    priority: amount(),
    maxBytes: anything,
    maxRequests: count(),
    fairnessPolicyRef: policy,
    orderingPolicyRef: policy,
  });
  const flowControl = mappingOf({
    maxBytes: anything,
    maxRequests: count(),
    defaultRequestTTL: duration,
    noEndpointRequestTTL: duration,
    defaultPriorityBand: band,
    defaultNegativePriorityBand: band,
    priorityBands: listOf(band),
    usageLimitPolicyPluginRef: policy,
    saturationDetector: detector,
    enableEviction: toggle,
  });
  check(reading, written("flowControl"), flowControl, OFF);
  check(reading, written("requestHandler"), mappingOf({ parsers: listOf(parser) }), undefined);
  check(reading, written("parser"), parser, "deprecated there; what a body is is told by its path");
  const section = written("saturationDetector");
  const isOld = isMap(section?.node) && !section.node.has("pluginRef");
  check(reading, section, isOld ? thresholds : detector, "load is a matter of scorers, and of the filter saturation");
}

/** Before the detector was a plugin. */
const thresholds = mappingOf({
  queueDepthThreshold: count(),
  kvCacheUtilThreshold: amount(0),
  metricsStalenessThreshold: duration,
});

function check(
  { tree, notes }: DocumentReading,
  section: Field | undefined,
  kind: ParameterKind<object>,
  says: string | undefined,
): void {
  if (section === undefined) return;
  kind.read(tree, section);
  if (says !== undefined) notes.push({ about: section.path, says });
}
