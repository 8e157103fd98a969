/** Row 30: the model is served under another name than the request gives. */
import { rows } from "../catalogue/rows.ts";
import type { Evidence } from "../evidence.ts";
import type { KubeObject } from "../kube/kube-object.ts";
import type { AccessLine } from "../logs/access-line.ts";
import { apiOf, isOfPod } from "../logs/answered-by.ts";
import { isOften, weightOfShare } from "../logs/recovered.ts";
import type { Place, Quote } from "../place.ts";
import type { Probe, Sighting } from "../probe.ts";

export const modelUnknown: Probe = {
  row: rows.modelUnknown,
  needs: [["access"], ["logs"], ["live"]],
  look: (evidence): Sighting[] => {
    const { access } = evidence;
    const asked = access.filter(({ path }) => apiOf(path) !== undefined);
    const refused = asked.filter(isUnknown);
    const said = wordsIn(evidence);
    const quotes: Quote[] = [...refused.slice(0, 1).map(({ quote }) => quote), ...said];
    const [first, ...more] = quotes;
    // A few wrong names among many right ones are their clients' affair: no more than a word of it where nobody else has one.
    if (first === undefined || (said.length === 0 && !isWorth(refused, asked))) return [];
    const model = modelIn(said[0]?.text ?? "");
    const served = servedIn(evidence);
    const isOfPicker = refused[0]?.details === "pointsman_model_not_found";
    return [
      {
        ...(refused.length > 0 ? { weight: weightOfShare(refused, asked) } : { weight: "fault", mayCause: ["pod"] }),
        object: model === "" ? "the model's name" : `model ${model}`,
        says: `${model === "" ? "the model that is asked for" : model} is not what the pods serve${served.length > 0 ? ` (${served.map(({ name }) => name).join(", ")})` : ""}: ${isOfPicker ? "the picker" : "the pod"} answers 404`,
        evidence: [first, ...more, ...served.slice(0, 1).map(({ quote }) => quote)],
        values: {
          ...(model !== "" && { model }),
          ...(served.length > 0 && { served: served.map(({ name }) => name).join(", ") }),
        },
      },
    ];
  },
};

function isWorth(refused: readonly AccessLine[], asked: readonly AccessLine[]): boolean {
  return weightOfShare(refused, asked) === "fault" || isOften(refused, asked);
}

/** The paths are those of the API itself: one with a prefix may be what the pod does not know. */
function isUnknown(line: AccessLine): boolean {
  if (line.status !== 404) return false;
  return line.details === "pointsman_model_not_found" || (isOfPod(line) && apiOf(line.path)?.prefix === "");
}

/** In a log, in a saved answer, or in the answer to the probe's own request. */
function wordsIn({ logs, live }: Evidence): Quote[] {
  const logged = logs.filter(({ sign }) => sign.name === "model-unknown").map(({ quote }) => quote);
  const answered = (live?.asked ?? [])
    .filter(({ question, status }) => question === "request" && status === "404")
    .map(({ quote }) => quote)
    .filter(({ text }) => modelIn(text) !== "" || text.includes("model_not_found"));
  return [...logged, ...answered].slice(0, 1);
}

/** In the words of vLLM: The model `llama` does not exist; in those of others: Model 'llama' not found. */
function modelIn(text: string): string {
  const [, name = ""] = /[Mm]odel [`'"\\]*([^\s`'"\\]+)[`'"\\]* (?:does not exist|not found)/.exec(text) ?? [];
  return name;
}

interface Served {
  readonly name: string;
  readonly quote: Quote;
}

/** From the picker's list of pods, from a probe, or from the flags that the pods were started with. */
function servedIn({ picker, live, objects }: Evidence): Served[] {
  const listed = (picker?.pods ?? []).flatMap((pod) => {
    const models = pod["models"];
    const quote = { source: picker?.source ?? "", text: `models of ${String(pod["name"])}: ${JSON.stringify(models)}` };
    return Array.isArray(models) ? models.map((name) => ({ name: String(name), quote })) : [];
  });
  // GET /v1/models: 200 one, another
  const asked = (live?.asked ?? [])
    .filter(({ question, isWell }) => question === "models" && isWell)
    .flatMap(({ quote }) => {
      const [, names = ""] = /: 200 (.+)$/.exec(quote.text) ?? [];
      return names === "" ? [] : names.split(", ").map((name) => ({ name, quote }));
    });
  const started = objects.flatMap(flagsOf).flatMap(namesIn);
  const all = [...listed, ...asked, ...started];
  return [...new Map(all.toReversed().map((each) => [each.name, each])).values()].toReversed();
}

function flagsOf({ kind, at }: KubeObject): Place[] {
  const spec = kind === "Pod" ? at.at("spec") : at.at("spec", "template", "spec");
  const containers = spec.at("containers").items();
  return containers.flatMap((container) => [container.at("args"), container.at("command")]);
}

/** --served-model-name NAME, --served-model-name=NAME, or several names behind it. */
function namesIn(flags: Place): Served[] {
  const words = flags.items().flatMap((word) =>
    word
      .text()
      .split(/[\s\\]+/)
      .map((text) => ({ text, quote: word.quote() })),
  );
  const start = words.findIndex(({ text }) => text.startsWith("--served-model-name"));
  const [flag, ...rest] = start === -1 ? [] : words.slice(start);
  if (flag === undefined) return [];
  const [, own] = flag.text.split("=");
  if (own !== undefined) return [{ name: own, quote: flag.quote }];
  const end = rest.findIndex(({ text }) => text.startsWith("-"));
  return rest.slice(0, end === -1 ? rest.length : end).map(({ text, quote }) => ({ name: text, quote }));
}
