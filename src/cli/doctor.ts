/** `pointsman doctor`: names the layer that failed, by whatever it is given to look at. */
import type { Command } from "./command.ts";
import { doctorOptions } from "./doctor-options.ts";

export const doctor: Command = {
  name: "doctor",
  summary: "Name the layer that failed: doctor [FILE or FOLDER...] and any of the options.",
  options: doctorOptions,
  isWithoutEnvironment: true,
  // Only now: what it asks others with, protobuf and all, is nothing that a picker is to load.
  run: async (args, io) => (await import("./run-doctor.ts")).runDoctor(args, io),
};
