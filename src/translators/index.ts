/** The translators that there are, in the order they are documented; a test compares this list with the folder. */
import anthropic from "./anthropic.ts";
import awsBedrock from "./aws-bedrock.ts";
import azureOpenai from "./azure-openai.ts";
import gcpVertex from "./gcp-vertex.ts";
import openai from "./openai.ts";
import type { Translator } from "./translator.ts";

export const builtInTranslators: readonly Translator[] = [openai, azureOpenai, anthropic, awsBedrock, gcpVertex];
