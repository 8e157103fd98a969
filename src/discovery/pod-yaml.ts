/**
 * Pods written in YAML or JSON, in two forms told apart by their key: `endpoints`, the Go picker's file of literal
 * addresses and ports, and `pods` (or the bare list), where a pod may be the one word `name=address:port`.
 */
import { isIP } from "node:net";
import { isMap, isScalar, isSeq } from "yaml";
import { expectedIp, expectedName, expectedPort, isPodName, isUsableIp, parsePort, podAddress } from "./pod-address.ts";
import { expectedPodText, type PodFileContent, PodRoll } from "./pod-roll.ts";
import { type Field, YamlTree } from "./yaml-tree.ts";

type Form = "pods" | "endpoints";
type Fields = ReadonlyMap<string, Field>;

const podKeys = ["name", "namespace", "address", "port", "labels"];
const LABEL_LIMIT = 100;
const expectedRoot = "a list of pods under the key pods or endpoints";

export function parsePodYaml(text: string, file: string): PodFileContent {
  const roll = new PodRoll();
  const tree = new YamlTree(text, file, (...fault) => roll.fault(...fault));
  if (tree.root !== undefined) new PodReader(tree, roll).readRoot(tree.root);
  return roll.content();
}

class PodReader {
  readonly #tree: YamlTree;
  readonly #roll: PodRoll;

  constructor(tree: YamlTree, roll: PodRoll) {
    this.#tree = tree;
    this.#roll = roll;
  }

  readRoot(root: Field): void {
    if (isSeq(root.node)) this.#readList(root, "pods");
    else if (!isMap(root.node)) this.#tree.wrong(root, expectedRoot);
    else {
      const fields = this.#tree.fields(root, root.node, ["pods", "endpoints"]);
      const [pods, endpoints] = [fields.get("pods"), fields.get("endpoints")];
      if (pods !== undefined && endpoints !== undefined) this.#roll.fault(endpoints.place, "pods or endpoints", "both");
      else if (pods !== undefined) this.#readList(pods, "pods");
      else if (endpoints !== undefined) this.#readList(endpoints, "endpoints");
      else if (root.node.items.length === 0) this.#tree.wrong(root, expectedRoot);
    }
  }

  #readList(list: Field, form: Form): void {
    for (const field of this.#tree.items(list, "a list of pods") ?? []) {
      const { node, place } = field;
      if (isMap(node)) this.#readPod(field, this.#tree.fields(field, node, podKeys), form);
      else if (form === "endpoints") this.#tree.wrong(field, "a mapping with name, address and port");
      else if (!isScalar(node) || typeof node.value !== "string") {
        this.#tree.wrong(field, `${expectedPodText}, or a mapping`);
      } else this.#roll.addText(node.value, place);
    }
  }

  /** A pod without a name is called by its address; the Go picker's form asks for a name. */
  #readPod(pod: Field, fields: Fields, form: Form): void {
    const known = this.#roll.faults.length;
    const must = (key: string) => fields.get(key) ?? (form === "endpoints" ? this.#tree.missing(pod, key) : undefined);
    const addressField = fields.get("address") ?? this.#tree.missing(pod, "address");
    const address = this.#readAddress(addressField, must("port"));
    const nameField = must("name");
    const name = nameField === undefined ? address : this.#readName(nameField);
    const namespaceField = fields.get("namespace");
    const namespace = namespaceField && this.#readName(namespaceField);
    const labels = this.#readLabels(fields.get("labels"));
    if (this.#roll.faults.length > known || address === undefined || name === undefined) return;
    const uid = namespace === undefined ? undefined : { uid: `${namespace}/${name}` };
    this.#roll.add({ name, address, ...uid, ...labels }, (nameField ?? pod).place, addressField.place);
  }

  #readName(field: Field): string | undefined {
    const text = this.#tree.text(field, expectedName);
    return text === undefined || isPodName(text) ? text : this.#tree.wrong(field, expectedName);
  }

  #readAddress(field: Field, portField: Field | undefined): string | undefined {
    if (portField === undefined) return this.#readAddressAndPort(field);
    const written = this.#tree.text(field, "an IP address");
    const ip = written?.replace(/^\[(.*:.*)\]$/, "$1") ?? "";
    if (written !== undefined && !isUsableIp(ip)) this.#tree.wrong(field, isIP(ip) ? expectedIp : "an IP address");
    const { node } = portField;
    const value = isScalar(node) && typeof node.value !== "boolean" ? String(node.value) : "";
    const port = parsePort(value) ?? this.#tree.wrong(portField, expectedPort);
    return isUsableIp(ip) && port !== undefined ? podAddress(ip, port) : undefined;
  }

  #readAddressAndPort(field: Field): string | undefined {
    const expected = "address:port, or an IP address with a port beside it";
    const text = this.#tree.text(field, expected);
    if (text === undefined) return undefined;
    const [, v6, v4, portText = ""] = /^(?:\[(.+)\]|([^:]+)):(\d+)$/.exec(text) ?? [];
    const ip = v6 ?? v4 ?? "";
    const port = parsePort(portText);
    const isAddress = isIP(ip) !== 0 && !ip.includes("%") && ip.includes(":") === (v6 !== undefined);
    if (isAddress && !isUsableIp(ip)) return this.#tree.wrong(field, expectedIp);
    return isAddress && port !== undefined ? podAddress(ip, port) : this.#tree.wrong(field, expected);
  }

  #readLabels(field: Field | undefined): { readonly labels: Readonly<Record<string, string>> } | undefined {
    if (field === undefined) return undefined;
    if (!isMap(field.node)) return this.#tree.wrong(field, "a mapping of texts");
    if (field.node.items.length > LABEL_LIMIT) return this.#tree.wrong(field, `at most ${LABEL_LIMIT} labels`);
    const labels: [string, string][] = [];
    for (const [key, value] of this.#tree.fields(field, field.node)) {
      const text = this.#tree.text(value, "text");
      if (text !== undefined) labels.push([key, text]);
    }
    return { labels: Object.fromEntries(labels) };
  }
}
