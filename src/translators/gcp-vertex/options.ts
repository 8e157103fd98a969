/** What can be set of the Vertex translator. */
import type { Options } from "../../scorer.ts";
import { modelInPath } from "../model-in-path.ts";

export const vertexOptions = {
  project: {
    default: "",
    pattern: /^[a-z0-9][a-z0-9.:-]*$/,
    expects: "a project's id or number",
    help: "Google Cloud project that the requests are made in",
  },
  location: {
    default: "global",
    pattern: /^[a-z0-9-]+$/,
    expects: "global, or a region such as europe-west1",
    help: "Where the model runs; the backend's host goes by it: aiplatform.googleapis.com for global, europe-west1-aiplatform.googleapis.com for that region",
  },
} as const;

export type VertexOptions = Options<typeof vertexOptions>;

/** Where the model of the name is asked to do something, such as "generateContent". */
export function modelPath(model: string, verb: string, { project, location }: VertexOptions): string {
  return `/v1/projects/${project}/locations/${location}/publishers/google/models/${modelInPath(model)}:${verb}`;
}

/** The generation of a Gemini model by its name, 2.5 for instance; NaN where the name does not say. */
export function generationOf(model: string): number {
  return Number(/^gemini-(\d+(?:\.\d+)?)(?![\d.])/.exec(model)?.[1] ?? Number.NaN);
}
