/** google.protobuf.Struct in bytes, as far as dynamic metadata needs it. */
import { doubleField, field } from "./wire.ts";

/** Of ProcessingResponse. */
export const DYNAMIC_METADATA = 8;

/** One entry of Struct.fields; `value` is an encoded Value. */
export function structField(key: string, value: Buffer): Buffer {
  return field(1, field(1, key), field(2, value));
}

/** Value { struct_value 5 }. */
export function structValue(fields: readonly Buffer[]): Buffer {
  return field(5, ...fields);
}

/** Value { string_value 3 }. */
export function structText(text: string): Buffer {
  return field(3, text);
}

/** Value { number_value 2 }. */
export function structNumber(number: number): Buffer {
  return doubleField(2, number);
}
