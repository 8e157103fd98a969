/** Where a request's body names its model, so that another name can be put there. */

/**
 * - json-text: between the quotes of a string
 * - json-value: a value that is no string
 * - json-first-member: there is none; where a member can go in before those that are there
 * - json-only-member: there is no member at all; where one can go
 * - plain: the text of a form's field
 */
export type ModelForm = "json-text" | "json-value" | "json-first-member" | "json-only-member" | "plain";

/** What comes to stand instead of the bytes from `start` to `end`. */
export interface Splice {
  readonly start: number;
  readonly end: number;
  readonly bytes: Buffer;
}

export interface ModelPlace {
  readonly start: number;
  readonly end: number;
  readonly form: ModelForm;
}
