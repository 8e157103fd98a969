/** What axe finds wrong with a page, by WCAG 2.2 AA and its own best practices. */
import axe from "axe-core";
import type { Page } from "playwright-core";

interface AxeFinding {
  readonly id: string;
  readonly nodes: readonly { readonly target: readonly string[]; readonly failureSummary?: string }[];
}

/** A line for each element. */
export async function faultsOf(page: Page): Promise<string[]> {
  // Not as a script element: the page's policy would refuse that, as it should.
  await page.evaluate(axe.source);
  const found = await page.evaluate(async () => {
    const axe = (globalThis as unknown as { axe: { run(): Promise<{ violations: AxeFinding[] }> } }).axe;
    return (await axe.run()).violations;
  });
  return found.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id} ${target.join(" ")}: ${failureSummary}`),
  );
}
