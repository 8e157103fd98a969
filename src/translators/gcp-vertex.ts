/** Google's Vertex AI: chat completions by Gemini's generateContent, embeddings by predict and embedContent. */
import { chatTranslation } from "./chat-translation.ts";
import { embeddingsTranslation } from "./embeddings.ts";
import {
  embeddingsAnswerFields,
  embeddingsRequest,
  embeddingsRequestFields,
  readEmbeddings,
} from "./gcp-vertex/embeddings.ts";
import { vertexOptions } from "./gcp-vertex/options.ts";
import { geminiReader } from "./gcp-vertex/read-answer.ts";
import { answerFields, requestFields } from "./gcp-vertex/tables.ts";
import { generateRequest } from "./gcp-vertex/write-request.ts";
import { defineTranslator } from "./translator.ts";

export default defineTranslator({
  name: "gcp-vertex",
  help: "Google's Vertex AI: Gemini's generateContent, and embeddings",
  options: vertexOptions,
  usualHost: "europe-west1-aiplatform.googleapis.com",
  check: ({ project }) => (project === "" ? [{ option: "project", expects: vertexOptions.project.expects }] : []),
  headerNames: [],
  translated: {
    chat: {
      request: generateRequest,
      answer: (asked, head) => chatTranslation(asked, head, geminiReader),
      requestFields,
      answerFields,
    },
    embeddings: {
      request: embeddingsRequest,
      answer: (asked, head) => embeddingsTranslation(asked, head, readEmbeddings),
      requestFields: embeddingsRequestFields,
      answerFields: embeddingsAnswerFields,
    },
  },
  passed: {},
});
