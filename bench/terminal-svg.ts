/** Terminal lines with colour codes -> an SVG picture. Text is placed word by word, so that any monospace font lines up. */

const cell = { width: 8.4, height: 18, baseline: 13.5, fontSize: 14 };
const margin = 18;
const background = "#0d1117";
const foreground = "#d6dde6";

/** By the colour code that starts it; 0 ends all. */
const styles: Readonly<Record<string, string>> = {
  1: 'fill="#ffffff" font-weight="bold"',
  2: 'fill="#8b949e"',
  31: 'fill="#ff7b72"',
  32: 'fill="#56d364"',
  33: 'fill="#e3b341"',
};

interface Run {
  readonly column: number;
  readonly text: string;
  readonly style: string;
}

export function drawSvg(lines: readonly string[], columns: number, label: string): string {
  const width = columns * cell.width + 2 * margin;
  const height = lines.length * cell.height + 2 * margin;
  const shapes = lines.flatMap((line, row) => splitLine(line).map((run) => drawRun(run, row)));
  const font = `font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="${cell.fontSize}"`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escapeXml(label)}</title>`,
    `<rect width="${width}" height="${height}" rx="8" fill="${background}"/>`,
    `<g ${font} fill="${foreground}">`,
    ...shapes,
    "</g>",
    "</svg>",
    "",
  ].join("\n");
}

/** Words and bars of one style each, with the column they begin at. */
function splitLine(line: string): Run[] {
  const runs: Run[] = [];
  let style = "";
  let column = 0;
  // Even pieces are text, odd ones colour codes.
  for (const [index, piece] of line
    .replaceAll("\x1b[", "\0")
    .split(/\0(\d+)m/)
    .entries()) {
    if (index % 2 === 1) {
      style = styles[piece] ?? "";
      continue;
    }
    for (const { 0: text, index: at } of piece.matchAll(/█+|░+|[^\s█░]+(?: [^\s█░]+)*/g))
      runs.push({ column: column + at, text, style });
    column += piece.length;
  }
  return runs;
}

function drawRun({ column, text, style }: Run, row: number): string {
  const x = round(margin + column * cell.width);
  const y = margin + row * cell.height;
  const width = round(text.length * cell.width);
  if (/^[█░]/.test(text)) {
    const faint = text.startsWith("░") ? ' opacity="0.25"' : "";
    const fill = style === "" ? `fill="${foreground}"` : style;
    return `<rect x="${x}" y="${y + 3}" width="${width}" height="${cell.height - 6}" ${fill}${faint}/>`;
  }
  const look = style === "" ? "" : ` ${style}`;
  return `<text x="${x}" y="${y + cell.baseline}" textLength="${width}"${look}>${escapeXml(text)}</text>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escapeXml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
