/** A number that tells a request from others by its body, so that one sent again is known again. */

/** What differs between two requests stands at the begin (model, system prompt) or at the end, or changes the length. */
const SAMPLE_BYTES = 256;

/** FNV-1a of both ends and the length; never 0, which stands for a body that was not seen. */
export function fingerprintOf(body: Uint8Array): number {
  let mixed = mix(0x811c9dc5 ^ body.length, body, 0, Math.min(SAMPLE_BYTES, body.length));
  mixed = mix(mixed, body, Math.max(SAMPLE_BYTES, body.length - SAMPLE_BYTES), body.length);
  return mixed >>> 0 || 1;
}

function mix(seed: number, body: Uint8Array, start: number, end: number): number {
  let mixed = seed;
  for (let at = start; at < end; at++) mixed = Math.imul(mixed ^ (body[at] ?? 0), 0x01000193);
  return mixed;
}
