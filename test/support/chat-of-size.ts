/** A valid chat request of exactly so many bytes. */
export function chatOfSize(bytes: number): Buffer {
  const head = '{"model":"m","messages":[{"role":"user","content":"';
  const tail = '"}]}';
  const fill = bytes - head.length - tail.length;
  if (fill < 0) throw new Error(`a chat request takes at least ${head.length + tail.length} bytes`);
  return Buffer.from(head + "Say it again. ".repeat(fill / 14 + 1).slice(0, fill) + tail);
}
