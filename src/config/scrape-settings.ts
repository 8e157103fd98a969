/** What the options of a pool say of scraping, as the scraper takes it. */
import { type ScrapeOptions, scrapeOptions } from "../scrape/scrape-options.ts";
import type { OptionValues } from "./option-table.ts";
import type { scrapeOptions as optionTable } from "./pod-options.ts";

export function scrapeSettings(values: OptionValues<typeof optionTable>): ScrapeOptions {
  const { modelServerInsecure, modelServerCaFile } = values;
  return scrapeOptions({
    scheme: values.modelServerMetricsScheme,
    port: values.modelServerMetricsPort,
    path: values.modelServerMetricsPath,
    intervalMs: values.refreshMetricsIntervalMs,
    timeoutMs: values.scrapeTimeoutMs,
    engine: values.engine,
    modelsPath: values.modelsPath,
    modelsIntervalMs: values.modelsIntervalMs,
    insecureSkipVerify: modelServerInsecure === "auto" ? modelServerCaFile === "" : modelServerInsecure,
    caFile: modelServerCaFile,
    tokenFile: values.modelServerTokenFile,
  });
}
