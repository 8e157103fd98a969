/** Azure OpenAI: OpenAI's bodies at paths of Azure's own, which name the deployment and the API's version. */
import { apis } from "../request/apis.ts";
import type { Api } from "../request/inference-request.ts";
import { formApis } from "../request/other-apis.ts";
import { modelInPath } from "./model-in-path.ts";
import { type ApiPassage, type Asked, defineTranslator } from "./translator.ts";

const options = {
  apiVersion: {
    default: "2024-10-21",
    pattern: /^(v1|\d{4}-\d\d-\d\d(-preview)?)$/,
    expects: "v1, or a date such as 2024-10-21",
    help: "Azure's api-version; v1 stands for the paths below /openai/v1, which have none",
  },
};

const V1 = "v1";

/** A deployment serves these at a path of its own; its name is the model's. */
const deployed: Partial<Record<Api, string>> = {
  chat: apis.chat.paths[0] ?? "",
  completions: apis.completions.paths[0] ?? "",
  embeddings: apis.embeddings.paths[0] ?? "",
  images: apis.images.paths[0] ?? "",
  speech: apis.speech.paths[0] ?? "",
  transcriptions: formApis.transcriptions.path,
  translations: formApis.translations.path,
  "image-edits": formApis["image-edits"].path,
};

/** What the client's query says of a version is of another API. */
function withQuery(path: string, asked: Asked, apiVersion: string): string {
  const at = asked.path.indexOf("?");
  const query = new URLSearchParams(at === -1 ? "" : asked.path.slice(at + 1));
  query.delete("api-version");
  if (apiVersion !== V1) query.set("api-version", apiVersion);
  return query.size === 0 ? path : `${path}?${query}`;
}

function deployedPassage(suffix: string): ApiPassage<typeof options> {
  return {
    path: (asked, { apiVersion }) => {
      if (apiVersion === V1) return withQuery(`/openai/v1${suffix}`, asked, V1);
      return withQuery(`/openai/deployments/${modelInPath(asked.model)}${suffix}`, asked, apiVersion);
    },
  };
}

export default defineTranslator({
  name: "azure-openai",
  help: "Azure OpenAI: the model's name is the deployment's",
  options,
  usualHost: "contoso.openai.azure.com",
  headerNames: [],
  translated: {},
  passed: {
    ...Object.fromEntries(Object.entries(deployed).map(([api, suffix]) => [api, deployedPassage(suffix)])),
    // No deployment has responses: there they are found by the body's model, in every version below v1.
    responses: { path: (asked) => withQuery("/openai/v1/responses", asked, V1) },
  },
});
