/** A backend: one place that requests may be sent to, and what each attempt there needs. */
import type { Credential } from "../credentials/credential.ts";
import type { OptionValue } from "../scorer.ts";
import type { Translator } from "../translators/translator.ts";

export interface Backend {
  /** As the endpoint's or the cluster's metadata names it. */
  readonly name: string;
  readonly translator: Translator;
  /** Of the translator. */
  readonly options: Readonly<Record<string, OptionValue>>;
  /** The models' names there, by the client's; what is absent keeps its name, or gets `model` where there is one. */
  readonly models: ReadonlyMap<string, string>;
  /** The name that all others get; "" for none. */
  readonly model: string;
  /** The host header; "" leaves it as it came. */
  readonly host: string;
  /** Stands before the translator's path; "" for none. */
  readonly pathPrefix: string;
  readonly setHeaders: readonly (readonly [name: string, value: string])[];
  /** In lower case. */
  readonly removeHeaders: readonly string[];
  readonly credential: Credential;
  /** Does the client's own authorization go there? */
  readonly keepsAuthorization: boolean;
  /** Are streams asked for their usage even where the client does not want it? */
  readonly asksForUsage: boolean;
}
