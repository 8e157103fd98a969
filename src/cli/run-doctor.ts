/** What `pointsman doctor` does: looked up when it is called, for it loads more than a picker ever needs. */
import { collect } from "../doctor/collect.ts";
import { compared } from "../doctor/compare/compare.ts";
import { diagnose } from "../doctor/diagnose.ts";
import { evidenceFrom, gather, ofPaths } from "../doctor/gather/gather.ts";
import { jsonReportOf } from "../doctor/json-report.ts";
import { exitCodes, outcomeOf } from "../doctor/outcome.ts";
import { printable } from "../doctor/printable.ts";
import { reportOf } from "../doctor/report.ts";
import { watch } from "../doctor/watch.ts";
import type { CommandIo } from "./command.ts";
import { type DoctorSettings, readDoctorArgs } from "./doctor-options.ts";

export async function runDoctor(args: readonly string[], { out, ...rest }: CommandIo): Promise<number> {
  const io: CommandIo = { ...rest, out: (text) => out(printable(text)) };
  const settings = readDoctorArgs(args);
  const { values } = settings;
  if (values.compare) return compare(settings, io);
  if (values.collect !== "") return collect(values.collect, settings.inputs, io.out);
  if (values.watch) {
    return watch({
      ...settings,
      intervalMs: values.interval,
      isJson: values.json,
      out: io.out,
      interrupted: io.interrupted,
    });
  }
  const evidence = evidenceFrom(await gather(settings.inputs));
  const verdict = diagnose(evidence);
  io.out(values.json ? JSON.stringify(jsonReportOf(verdict, evidence), null, 2) : reportOf(verdict, evidence));
  return exitCodes[outcomeOf(verdict, evidence)];
}

async function compare({ inputs, values }: DoctorSettings, { out }: CommandIo): Promise<number> {
  const [good, bad] = await Promise.all(
    inputs.paths.map(async (path) => ({ name: path, evidence: evidenceFrom(await gather(ofPaths(path))) })),
  );
  if (good === undefined || bad === undefined) return exitCodes.unknown;
  const result = compared(good, bad);
  out(values.json ? JSON.stringify(result, null, 2) : result.text);
  return result.outcome === "same"
    ? exitCodes.well
    : result.outcome === "different"
      ? exitCodes.broken
      : exitCodes.unknown;
}
