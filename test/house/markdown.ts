/** Tables and code in Markdown. */

export const code = (text: string) => `\`${text}\``;

/** A pipe would end the cell. */
const cell = (text: string) => text.replaceAll("|", "\\|");

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
