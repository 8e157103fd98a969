/** Reads the tools of a chat completion, and which of them the model is to call. */
import {
  flagAt,
  isObject,
  isPresent,
  itemsOf,
  listAt,
  member,
  objectAt,
  pathOf,
  textAt,
  wholeObjectAt,
} from "./checked-json.ts";
import { type JsonObject, type JsonValue, Untranslatable } from "./translator.ts";

export interface ChatTool {
  readonly name: string;
  readonly description: string;
  /** A JSON schema; an object without properties where the client gave none. */
  readonly parameters: JsonObject;
  readonly strict: boolean | undefined;
  readonly cachePoint: CachePoint | undefined;
  readonly at: string;
}

/** The prompt up to here is worth keeping in the provider's cache; `ttl` is "" where the client did not say how long. */
export interface CachePoint {
  readonly ttl: string;
}

export type ToolChoice =
  | { readonly kind: "auto" | "none" | "required" }
  | { readonly kind: "tool"; readonly name: string }
  /** Of all tools only these may be called. */
  | { readonly kind: "allowed"; readonly mode: "auto" | "required"; readonly names: readonly string[] };

export function readTools(body: JsonObject): ChatTool[] {
  return member(body, "tools", "", (value, at) => itemsOf(value, at, readTool)) ?? [];
}

function readTool(value: JsonValue | undefined, at: string): ChatTool {
  const tool = objectAt(value, at);
  if (tool["type"] !== "function") throw new Untranslatable(`${at}.type`, "only function tools can be translated");
  const place = `${at}.function`;
  const told = objectAt(tool["function"], place);
  return {
    name: textAt(told["name"], `${place}.name`),
    description: member(told, "description", place, textAt) ?? "",
    parameters: member(told, "parameters", place, wholeObjectAt) ?? { type: "object", properties: {} },
    strict: member(told, "strict", place, flagAt),
    cachePoint: cachePointOf(tool),
    at,
  };
}

/**
 * The mark as OpenAI spells it (`prompt_cache_breakpoint`) and as clients of Anthropic do (`cache_control`), on a part of
 * a message or on a tool.
 */
export function cachePointOf(object: JsonObject): CachePoint | undefined {
  if (isPresent(object["prompt_cache_breakpoint"])) return { ttl: "" };
  const control = object["cache_control"];
  if (!isObject(control)) return undefined;
  return { ttl: typeof control["ttl"] === "string" ? control["ttl"] : "" };
}

export function readToolChoice(value: JsonValue | undefined, at: string, tools: readonly ChatTool[]): ToolChoice {
  if (value === "required" && tools.length === 0) throw new Untranslatable(at, "there are no tools to call");
  if (value === "auto" || value === "none" || value === "required") return { kind: value };
  const choice = objectAt(value, at);
  switch (choice["type"]) {
    case "function":
      return { kind: "tool", name: functionName(choice, at, tools) };
    case "allowed_tools": {
      const place = pathOf(at, "allowed_tools");
      const allowed = objectAt(choice["allowed_tools"], place);
      const { mode } = allowed;
      if (mode !== "auto" && mode !== "required") {
        throw new Untranslatable(`${place}.mode`, "must be auto or required");
      }
      const names = listAt(allowed["tools"], `${place}.tools`).map((tool, index) => {
        const here = `${place}.tools[${index}]`;
        return functionName(objectAt(tool, here), here, tools);
      });
      return { kind: "allowed", mode, names };
    }
    default:
      throw new Untranslatable(`${at}.type`, "only function tools can be translated");
  }
}

/** Of {type: "function", function: {name}}; a tool that the request does not have cannot be called. */
function functionName(choice: JsonObject, at: string, tools: readonly ChatTool[]): string {
  const place = `${at}.function`;
  const name = textAt(objectAt(choice["function"], place)["name"], `${place}.name`);
  if (!tools.some((tool) => tool.name === name)) throw new Untranslatable(`${place}.name`, "names none of the tools");
  return name;
}

/** The tools that may be called: for providers without a word for "only these". */
export function allowedTools(tools: readonly ChatTool[], choice: ToolChoice | undefined): readonly ChatTool[] {
  return choice?.kind === "allowed" ? tools.filter(({ name }) => choice.names.includes(name)) : tools;
}
