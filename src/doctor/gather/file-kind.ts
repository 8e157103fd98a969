/** What a file is, by its first bytes: text and in which encoding, lines or a whole, or nothing that can be read. */

export type Encoding = "utf8" | "utf16le" | "utf16be";

/** "" for text. */
export function whyNoText(head: Buffer): string {
  const isZip = head.length > 3 && head.readUInt32BE(0) === 0x504b0304;
  if (isZip || head.subarray(257, 262).toString("latin1") === "ustar") return "it is an archive: unpack it first";
  return encodingOf(head) === "utf8" && head.includes(0) ? "it is no text" : "";
}

/** As the shell of Windows redirects into a file: with a mark, or every other byte a zero. */
export function encodingOf(head: Buffer): Encoding {
  if (head[0] === 0xff && head[1] === 0xfe) return "utf16le";
  if (head[0] === 0xfe && head[1] === 0xff) return "utf16be";
  const pairs = Math.min(head.length, 64) >> 1;
  const zeros = (odd: 0 | 1) =>
    Array.from({ length: pairs }, (_, at) => head[2 * at + odd]).filter((byte) => byte === 0);
  const [even, odd] = [zeros(0).length, zeros(1).length];
  if (pairs < 2 || even + odd !== pairs) return "utf8";
  return odd === pairs ? "utf16le" : even === pairs ? "utf16be" : "utf8";
}

export function textOf(bytes: Buffer, encoding: Encoding): string {
  const whole = bytes.subarray(0, bytes.length - (encoding === "utf8" ? 0 : bytes.length % 2));
  const text = encoding === "utf16be" ? Buffer.from(whole).swap16().toString("utf16le") : whole.toString(encoding);
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

/** Lines that each stand for themselves: of those the newest say enough. Trees and pages are of use whole or not at all. */
export function isLinewise(head: string): boolean {
  const [line = ""] = head.replace(/^(\ufeff|\s|#(?! (HELP|TYPE) ).*\n)+/, "").split("\n", 1);
  if (/^(\{|\[\s*(["{[]|$))/.test(line)) return isWholeJson(line);
  // Objects, an Envoy's own file; counters and hosts; metrics.
  return !(
    /^(---|["']?(apiVersion|kind|items|metadata|static_resources|dynamic_resources|admin|node|layered_runtime)["']?:)/.test(
      line,
    ) || /^(\S+: (\d+|P\d.*|"[^"]*")\s*$|\S+::\S|# (HELP|TYPE) )/.test(line)
  );
}

function isWholeJson(line: string): boolean {
  try {
    const tree: unknown = JSON.parse(line);
    // The page of a picker's pods or a dump of objects may stand in one line too.
    return (
      typeof tree === "object" && tree !== null && !("kind" in tree) && !("configs" in tree) && !Array.isArray(tree)
    );
  } catch {
    return false;
  }
}
