/** Faults of pickers that do as a script says, behind a shipped config. */
import { type Edit, pickersAt } from "../../src/demo/envoy-config.ts";
import type { Source } from "../../src/doctor/diagnose.ts";
import { edits, type Fault, produce } from "./doctor-faults.ts";
import { type DoctorRigOptions, type Examined, startDoctorRig } from "./doctor-rig.ts";
import { type Script, startScriptedPicker } from "./scripted-picker.ts";

type ScriptedFault = Omit<Fault, "edits"> & {
  readonly edits?: readonly Edit[];
  /** Of the picker, in bytes. */
  readonly receiveLimit?: number;
};

/** Produces it, and holds every verdict against what is said of it. */
export async function scripted(script: Script, fault: ScriptedFault): Promise<Examined> {
  const { edits: more = [], receiveLimit, ...rest } = fault;
  const picker = await startScriptedPicker(script, receiveLimit === undefined ? {} : { receiveLimit });
  try {
    return await produce({ ...rest, edits: [pickersAt([picker.address]), edits.noHealthChecks, ...more] });
  } finally {
    picker.close();
  }
}

/** What is seen of it all, with requests that end as they may. */
export async function seenWith(
  script: Script,
  options: DoctorRigOptions,
  { times = 3, more = [] }: { readonly times?: number; readonly more?: readonly Source[] } = {},
): Promise<Examined> {
  const picker = await startScriptedPicker(script);
  const rig = await startDoctorRig({
    ...options,
    edits: [pickersAt([picker.address]), edits.noHealthChecks, ...(options.edits ?? [])],
  });
  try {
    await rig.askTimes(times);
    return await rig.examine(more);
  } finally {
    await rig.stop();
    picker.close();
  }
}
