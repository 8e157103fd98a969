/** Row 2: a policy that the controller refused because its own disk is full. */
import { rows } from "../catalogue/rows.ts";
import type { Evidence } from "../evidence.ts";
import { conditionsOf, type KubeObject, titleOf } from "../kube/kube-object.ts";
import type { LogLine } from "../logs/log-line.ts";
import type { Because, Probe, Sighting } from "../probe.ts";

/** The message names Wasm, of which the policy has none: what it is about is a folder that could not be made. */
const WASM = /wasm.*(cache|not initialized|no space)/i;

export const policyRefused: Probe = {
  row: rows.policyRefused,
  needs: [["objects"], ["logs"]],
  look: (evidence) => {
    const refused = ofObjects(evidence);
    const isKnown = evidence.objects.some(({ kind }) => kind === "EnvoyExtensionPolicy");
    return refused.length > 0 || isKnown ? refused : ofLogs(evidence);
  },
};

function ofObjects(evidence: Evidence): Sighting[] {
  return evidence.objects.flatMap((object): Sighting[] => {
    const refused = conditionsOf(object).find(
      ({ type, status, message }) => type === "Accepted" && status === "False" && WASM.test(message),
    );
    if (refused === undefined) return [];
    const behind = diskFull(evidence);
    return [
      {
        weight: "fault",
        object: titleOf(object),
        says: `${titleOf(object)} is not accepted (${refused.message}): its filter was never made${behind.length > 0 ? ", for the disk of the controller is full" : ""}`,
        evidence: [refused.at.at("message").quote()],
        because: [...folderMissing(evidence), ...behind],
        ...(refused.of !== "" && { values: { gateway: refused.of } }),
      },
    ];
  });
}

/** The controller's own words, where nobody looked at the policies. */
function ofLogs({ logs }: Evidence): Sighting[] {
  const full = logs.find(isFullAtController(logs));
  // One line may say both.
  const cache = logs.find(
    ({ sign, quote }) => sign.name === "wasm-cache" || (sign === full?.sign && WASM.test(quote.text)),
  );
  if (cache === undefined) return [];
  const isFull = full !== undefined;
  return [
    {
      weight: "fault",
      object: "the gateway's controller",
      says: `the controller has no folder for Wasm modules${isFull ? ", for its disk is full" : ""}, and refuses every EnvoyExtensionPolicy`,
      evidence: [cache.quote],
      because: isFull && full !== cache ? [{ says: full.sign.means, evidence: full.quote }] : [],
    },
  ];
}

/** From the controller's own log, and from the node that it runs on: a full disk elsewhere is no matter of it. */
function diskFull({ logs, objects }: Evidence): Because[] {
  const full = logs.find(isFullAtController(logs));
  const homes = objects.filter(isController).map(({ at }) => at.at("spec", "nodeName").text());
  const pressed = objects
    .filter(({ kind, name }) => kind === "Node" && homes.includes(name))
    .flatMap((node) =>
      conditionsOf(node).filter(({ type, status }) => type === "DiskPressure" && status === "True"),
    )[0];
  return [
    ...(full === undefined ? [] : [{ says: full.sign.means, evidence: full.quote }]),
    ...(pressed === undefined
      ? []
      : [{ says: "The controller's node is short of disk.", evidence: pressed.at.quote() }]),
  ];
}

/** A line of the controller: by its own words, by the name of its log, or by what else stands in the same. */
function isFullAtController(logs: readonly LogLine[]): (line: LogLine) => boolean {
  const its = new Set(logs.filter(({ sign }) => ofController.includes(sign.name)).map(({ quote }) => quote.source));
  return ({ sign, quote: { source, text } }) =>
    sign.name === "disk-full" && (OWN_WORDS.test(text) || NAMED.test(nameOf(source)) || its.has(source));
}

const ofController = ["wasm-cache", "translation-failed", "direct-500"];
const OWN_WORDS = /wasm|"runner"|gatewayapi|xds-translator/i;
const NAMED = /envoy-gateway|controller/i;

/** Without the folder, and without the namespace, in which the proxies are too. */
function nameOf(source: string): string {
  return source
    .replace(/^log of pod \S+\//, "")
    .replace(/^.*\//, "")
    .replaceAll("envoy-gateway-system", "");
}

/** As its chart makes it. */
function isController({ kind, labels, at }: KubeObject): boolean {
  const containers = at.at("spec", "containers").items();
  const isNamed = containers.some((container) => container.at("name").text() === "envoy-gateway");
  return kind === "Pod" && (isNamed || labels["control-plane"] === "envoy-gateway");
}

function folderMissing({ logs }: Evidence): Because[] {
  const cache = logs.find(({ sign }) => sign.name === "wasm-cache");
  return cache === undefined ? [] : [{ says: cache.sign.means, evidence: cache.quote }];
}
