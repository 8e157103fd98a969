/** Amazon Bedrock: chat completions by Converse, which is the same for all makers' models, embeddings by InvokeModel. */
import {
  embeddingsAnswerFields,
  embeddingsRequestFields,
  invokeRequest,
  readInvoked,
} from "./aws-bedrock/embeddings.ts";
import { bedrockOptions } from "./aws-bedrock/options.ts";
import { converseReader } from "./aws-bedrock/read-answer.ts";
import { answerFields, requestFields } from "./aws-bedrock/tables.ts";
import { converseRequest } from "./aws-bedrock/write-request.ts";
import { chatTranslation } from "./chat-translation.ts";
import { embeddingsTranslation } from "./embeddings.ts";
import { defineTranslator } from "./translator.ts";

export default defineTranslator({
  name: "aws-bedrock",
  help: "Amazon Bedrock: the Converse API, and embeddings of Titan and Cohere",
  options: bedrockOptions,
  usualHost: "bedrock-runtime.eu-west-1.amazonaws.com",
  headerNames: [],
  translated: {
    chat: {
      request: converseRequest,
      answer: (asked, head) => chatTranslation(asked, head, converseReader),
      requestFields,
      answerFields,
    },
    embeddings: {
      request: invokeRequest,
      answer: (asked, head) => embeddingsTranslation(asked, head, (answer) => readInvoked(answer, head)),
      requestFields: embeddingsRequestFields,
      answerFields: embeddingsAnswerFields,
    },
  },
  passed: {},
});
