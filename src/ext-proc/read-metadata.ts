/** Metadata and attributes that come with a message, read on demand: who wants none of them pays nothing. */
import type { StreamMessage } from "./decode-message.ts";
import { WireReader, wireType } from "./wire.ts";

/** Fields of google.protobuf.Value. */
const NUMBER_TAG = 2 * 8 + wireType.fixed64;
const STRING = 3;
const LIST = 6;

export const SUBSET_NAMESPACE = "envoy.lb.subset_hint";
export const SUBSET_KEY = "x-gateway-destination-endpoint-subset";
const SERVED_NAMESPACE = "envoy.lb";
const SERVED_KEY = "x-gateway-destination-endpoint-served";
const POOL_NAMESPACE = "pointsman";
const POOL_KEY = "pool";
/** How the filter's request_attributes name a route's own metadata. */
const ROUTE_METADATA = "xds.route_metadata";

const ENVOY_MINOR = "xds.node.user_agent_build_version.version.minor_number";
const CODE_DETAILS = "response.code_details";
const UPSTREAM_ADDRESS = "upstream.address";
/**
 * Attributes that a request has only once its pod is chosen; others of `upstream.` it may have before. Of a cluster's
 * metadata those that name a backend.
 */
const chosenAttributes = [
  "upstream.address",
  "upstream.port",
  "xds.upstream_host_metadata",
  "xds.cluster_metadata.filter_metadata['aigateway",
  "xds.cluster_metadata.filter_metadata['pointsman']['backend'",
];

/** Where an attempt's backend is named: an endpoint's own word before that of its cluster, ours before others'. */
const backendPlaces = [
  ...["xds.upstream_host_metadata", "xds.cluster_metadata"].flatMap((source) => [
    { source, namespace: "'pointsman'", key: "'backend'" },
    { source, namespace: "'aigateway.envoy.io'", key: "'per_route_rule_backend_name'" },
  ]),
  // Envoy Gateway writes the name of the Backend, or the Service, that an endpoint is of.
  { source: "xds.upstream_host_locality_metadata", namespace: "'envoy-gateway'", key: "'name'" },
];

const reader = new WireReader();

/** The pool that the route names, as metadata of the filter's namespaces or as an attribute; "" when it names none. */
export function routedPool(message: StreamMessage): string {
  const { metadataStart, metadataEnd, attributesStart, attributesEnd } = message;
  if (metadataEnd === 0 && attributesEnd === 0) return "";
  reader.reset(message.bytes);
  const [fromMetadata = ""] = metadataTexts(metadataStart, metadataEnd, POOL_NAMESPACE, POOL_KEY) ?? [];
  if (fromMetadata !== "" || attributesEnd === 0) return fromMetadata;
  // The range is a map entry { filter 1, Struct 2 }.
  const struct = fieldOf(attributesStart, attributesEnd, 2);
  const value = entryOf(struct, (key) => key.startsWith(ROUTE_METADATA) && key.includes(POOL_NAMESPACE));
  return value === undefined ? "" : (textsOf(value)[0] ?? "");
}

/** The addresses Envoy allows for this request; undefined where it does not restrict them. */
export function subsetHint(message: StreamMessage): readonly string[] | undefined {
  if (message.metadataEnd === 0) return undefined;
  reader.reset(message.bytes);
  const texts = metadataTexts(message.metadataStart, message.metadataEnd, SUBSET_NAMESPACE, SUBSET_KEY);
  return texts?.flatMap((text) => text.split(",")).filter((text) => text.trim() !== "");
}

/** The address of the pod that answered, where Envoy says; "" where it does not. */
export function servedAddress(message: StreamMessage): string {
  if (message.metadataEnd === 0) return "";
  reader.reset(message.bytes);
  return metadataTexts(message.metadataStart, message.metadataEnd, SERVED_NAMESPACE, SERVED_KEY)?.[0] ?? "";
}

/** Why the answer is what it is, where the filter's response_attributes ask for it; "" where they do not. */
export function codeDetails(message: StreamMessage): string {
  return attribute(message, CODE_DETAILS);
}

/** The address that the request went to, where the filter's response_attributes ask for it; "" where they do not. */
export function upstreamAddress(message: StreamMessage): string {
  return attribute(message, UPSTREAM_ADDRESS);
}

/** Is it a filter of a cluster's own chain that asks, behind the choice of the pod? Its request_attributes tell. */
export function isAfterChoice({ bytes, attributesStart, attributesEnd }: StreamMessage): boolean {
  if (attributesEnd === 0) return false;
  reader.reset(bytes);
  const isChosen = (key: string) => chosenAttributes.some((each) => key.startsWith(each));
  return entryOf(fieldOf(attributesStart, attributesEnd, 2), isChosen) !== undefined;
}

/** The backend that an attempt is made at; "" where no attribute names one. */
export function backendName({ bytes, attributesStart, attributesEnd }: StreamMessage): string {
  if (attributesEnd === 0) return "";
  reader.reset(bytes);
  const struct = fieldOf(attributesStart, attributesEnd, 2);
  for (const { source, namespace, key } of backendPlaces) {
    const isNamed = (name: string) => name.startsWith(source) && name.includes(namespace) && name.includes(key);
    const value = entryOf(struct, (name) => isNamed(name.replaceAll('"', "'")));
    const text = value === undefined ? "" : (textsOf(value)[0] ?? "");
    if (text !== "") return text;
  }
  return "";
}

/** The second number of Envoy's version, where the filter's request_attributes ask for it; NaN where they do not. */
export function envoyMinor({ bytes, attributesStart, attributesEnd }: StreamMessage): number {
  if (attributesEnd === 0) return Number.NaN;
  reader.reset(bytes);
  const value = entryOf(fieldOf(attributesStart, attributesEnd, 2), (key) => key === ENVOY_MINOR);
  // Value { number_value 2 } is a tag and eight bytes.
  const isNumber = value !== undefined && value.end - value.start === 9 && bytes[value.start] === NUMBER_TAG;
  return isNumber ? bytes.readDoubleLE(value.start + 1) : Number.NaN;
}

/** A text of the filter's dynamic metadata; "" where there is none. */
export function metadataText(message: StreamMessage, namespace: string, key: string): string {
  if (message.metadataEnd === 0) return "";
  reader.reset(message.bytes);
  return metadataTexts(message.metadataStart, message.metadataEnd, namespace, key)?.[0] ?? "";
}

function attribute({ bytes, attributesStart, attributesEnd }: StreamMessage, name: string): string {
  if (attributesEnd === 0) return "";
  reader.reset(bytes);
  const value = entryOf(fieldOf(attributesStart, attributesEnd, 2), (key) => key === name);
  return value === undefined ? "" : (textsOf(value)[0] ?? "");
}

interface Range {
  readonly start: number;
  readonly end: number;
}

/** Metadata { filter_metadata 1: map of Struct }: the texts under namespace and key. */
function metadataTexts(start: number, end: number, namespace: string, key: string): string[] | undefined {
  const struct = entryOf({ start, end }, (name) => name === namespace);
  const value = struct === undefined ? undefined : entryOf(struct, (name) => name === key);
  return value === undefined ? undefined : textsOf(value);
}

/** The value of the first entry, in a message whose field 1 is a map with text keys, whose key is wanted. */
function entryOf(map: Range | undefined, isWanted: (key: string) => boolean): Range | undefined {
  if (map === undefined) return undefined;
  reader.at = map.start;
  while (reader.at < map.end && !reader.failed) {
    const entry = nextField(map.end);
    if (entry?.number !== 1) continue;
    const key = fieldOf(entry.start, entry.end, 1);
    const value = fieldOf(entry.start, entry.end, 2);
    reader.at = entry.end;
    if (key !== undefined && isWanted(textOf(key))) return value;
  }
  return undefined;
}

/** A Value's text, or the texts of its list; other values have none. */
function textsOf(value: Range): string[] {
  const text = fieldOf(value.start, value.end, STRING);
  if (text !== undefined) return [textOf(text)];
  const list = fieldOf(value.start, value.end, LIST);
  const texts: string[] = [];
  if (list === undefined) return texts;
  reader.at = list.start;
  while (reader.at < list.end && !reader.failed) {
    const item = nextField(list.end);
    if (item === undefined) continue;
    const itemText = fieldOf(item.start, item.end, STRING);
    reader.at = item.end;
    if (itemText !== undefined) texts.push(textOf(itemText));
  }
  return texts;
}

/** The last field of this number in a message; undefined when it has none. */
function fieldOf(start: number, end: number, number: number): Range | undefined {
  let found: Range | undefined;
  reader.at = start;
  while (reader.at < end && !reader.failed) {
    const field = nextField(end);
    if (field?.number === number) found = field;
  }
  return found;
}

/** Reads one field and stands behind it; undefined for one that is not length-delimited. */
function nextField(end: number): (Range & { readonly number: number }) | undefined {
  const tag = reader.tag(end);
  if (reader.failed) return undefined;
  if ((tag & 7) !== wireType.lengthDelimited) {
    reader.skip(tag & 7, end);
    return undefined;
  }
  const fieldEnd = reader.lengthEnd(end);
  if (reader.failed) return undefined;
  const start = reader.at;
  reader.at = fieldEnd;
  return { number: tag >>> 3, start, end: fieldEnd };
}

function textOf({ start, end }: Range): string {
  return reader.bytes.toString("utf8", start, end);
}
