/** Anthropic's Messages API: chat completions become messages and come back, the client's own messages pass. */
import { anthropicOptions } from "./anthropic/options.ts";
import { anthropicReader } from "./anthropic/read-answer.ts";
import { answerFields, requestFields } from "./anthropic/tables.ts";
import { messagesRequest } from "./anthropic/write-request.ts";
import { chatTranslation } from "./chat-translation.ts";
import { type ApiPassage, defineTranslator } from "./translator.ts";

/** The client's own messages say it themselves. */
const VERSION = "anthropic-version";

/** Below a gateway's prefix the path is Anthropic's own; its query (`beta=true`) goes with it. */
function passage(path: string): ApiPassage {
  return {
    keeps: [VERSION],
    path: (asked) => {
      const query = asked.path.indexOf("?");
      return query === -1 ? path : `${path}${asked.path.slice(query)}`;
    },
  };
}

export default defineTranslator({
  name: "anthropic",
  help: "Anthropic's Messages API",
  options: anthropicOptions,
  usualHost: "api.anthropic.com",
  headerNames: [VERSION],
  translated: {
    chat: {
      request: messagesRequest,
      answer: (asked, head) => chatTranslation(asked, head, anthropicReader),
      requestFields,
      answerFields,
    },
  },
  passed: { messages: passage("/v1/messages"), "count-tokens": passage("/v1/messages/count_tokens") },
});
