/** The sources of a pool that Kubernetes knows, as the config file names them: in one text, or in a mapping. */
import { isMap } from "yaml";
import { expectedPort, parsePort } from "../discovery/pod-address.ts";
import type { Field } from "../discovery/yaml-tree.ts";
import { type Fields, type FileReading, readFields, readItems, readText, writtenText } from "./file-reading.ts";
import {
  expectedAibrix,
  expectedObjectName,
  expectedPlace,
  expectedSelector,
  expectedService,
  expectedServicePort,
  isLabelSelector,
  isObjectName,
  isServicePort,
  MOST_TARGET_PORTS,
  type Place,
  parseAibrix,
  parsePlace,
  parseService,
} from "./kubernetes-names.ts";
import type { SourceConfig } from "./pool-config.ts";

const expectedPorts = `a list of 1 to ${MOST_TARGET_PORTS} ports`;

export function readInferencePool(reading: FileReading, field: Field): SourceConfig | undefined {
  const { poolGroup } = reading.config;
  if (!isMap(field.node)) {
    const place = parseText(reading, field, expectedPlace, parsePlace);
    return place && { kind: "inference-pool", ...place, group: poolGroup };
  }
  const fields = reading.tree.fields(field, field.node, ["namespace", "name", "group"]);
  const place = readPlace(reading, field, fields);
  const groupField = fields.get("group");
  const group = groupField === undefined ? poolGroup : readText(reading, groupField, "auto, or an API group");
  return place && group !== undefined ? { kind: "inference-pool", ...place, group } : undefined;
}

export function readSelector(reading: FileReading, field: Field): SourceConfig | undefined {
  const { tree } = reading;
  const fields = readFields(reading, field, ["namespace", "labels", "ports"], "a mapping with labels and ports");
  if (fields === undefined) return undefined;
  const namespace = readNamespace(reading, fields);
  const labels = fields.get("labels") ?? tree.missing(field, "labels");
  const selector = readLabels(reading, labels);
  const ports = readPorts(reading, fields.get("ports") ?? tree.missing(field, "ports"));
  if (namespace === undefined || selector === undefined || ports.length === 0) return undefined;
  return { kind: "selector", namespace, selector, ports };
}

export function readService(reading: FileReading, field: Field): SourceConfig | undefined {
  if (!isMap(field.node)) {
    const service = parseText(reading, field, expectedService, parseService);
    return service && { kind: "service", ...service };
  }
  const fields = reading.tree.fields(field, field.node, ["namespace", "name", "port"]);
  const place = readPlace(reading, field, fields);
  const portField = fields.get("port");
  const port = portField === undefined ? "" : (writtenText(portField) ?? "");
  if (portField !== undefined && !isServicePort(port)) reading.tree.wrong(portField, expectedServicePort);
  return place && { kind: "service", ...place, port };
}

export function readAibrix(reading: FileReading, field: Field): SourceConfig | undefined {
  const namespace = parseText(reading, field, expectedAibrix, parseAibrix);
  return namespace === undefined ? undefined : { kind: "aibrix", namespace };
}

function parseText<T>(
  { tree, config }: FileReading,
  field: Field,
  expected: string,
  parse: (text: string, namespaceBeside: string) => T | undefined,
): T | undefined {
  const text = tree.text(field, expected);
  return text === undefined ? undefined : (parse(text, config.poolNamespace) ?? tree.wrong(field, expected));
}

function readLabels(reading: FileReading, field: Field): string | undefined {
  const text = readText(reading, field, expectedSelector);
  return text === undefined || isLabelSelector(text) ? text : reading.tree.wrong(field, expectedSelector);
}

function readPlace(reading: FileReading, field: Field, fields: Fields): Place | undefined {
  const namespace = readNamespace(reading, fields);
  const name = readObjectName(reading, fields.get("name") ?? reading.tree.missing(field, "name"));
  return namespace === undefined || name === undefined ? undefined : { namespace, name };
}

function readNamespace(reading: FileReading, fields: Fields): string | undefined {
  const field = fields.get("namespace");
  return field === undefined ? reading.config.poolNamespace : readObjectName(reading, field);
}

function readObjectName({ tree }: FileReading, field: Field): string | undefined {
  const name = tree.text(field, expectedObjectName);
  return name === undefined || isObjectName(name) ? name : tree.wrong(field, expectedObjectName);
}

function readPorts(reading: FileReading, list: Field): number[] {
  const fields = readItems(reading, list, expectedPorts);
  if (fields.length > MOST_TARGET_PORTS) reading.fault(list.place, expectedPorts, `${fields.length} of them`);
  return fields.flatMap((field) => {
    const port = parsePort(writtenText(field) ?? "") ?? reading.tree.wrong(field, expectedPort);
    return port ?? [];
  });
}
