/** Cuts an answer into lines as its chunks come, and reads a whole answer under a limit. */

/** A watch event is one line; objects of Kubernetes stay below 1.5 MB in etcd. */
const LINE_LIMIT = 16 * 1024 * 1024;

/** All lines that a chunk completes, together; a last line without an end is an error, as it was cut. */
export async function* lineBatches(body: AsyncIterable<Uint8Array>, limit = LINE_LIMIT): AsyncGenerator<string[]> {
  const decoder = new TextDecoder();
  /** Of a line whose end has not come: joined once, as a long one comes in hundreds of chunks. */
  let pieces: string[] = [];
  let size = 0;
  for await (const chunk of body) {
    const text = decoder.decode(chunk, { stream: true });
    const end = text.lastIndexOf("\n");
    const lines = end === -1 ? [] : (pieces.join("") + text.slice(0, end)).split("\n");
    if (end !== -1) pieces = [];
    pieces.push(text.slice(end + 1));
    size = (end === -1 ? size : 0) + text.length - end - 1;
    if (size > limit) throw new Error(`a watch event of more than ${limit} characters`);
    const full = lines.filter((line) => line.trim() !== "");
    if (full.length > 0) yield full;
  }
  if (pieces.join("").trim() !== "") throw new Error("a watch event was cut short");
}

export async function readText(body: AsyncIterable<Uint8Array>, limit: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > limit) throw new Error(`an answer of more than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
