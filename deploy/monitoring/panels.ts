/** What the dashboard shows, row by row as an operator asks: does it work, why is it slow, which pod, caches, refusals. */
import type { Row } from "./panel.ts";
import { caches, pods, refusals } from "./pod-panels.ts";
import { slow, traffic, works } from "./request-panels.ts";

export const rows: readonly Row[] = [
  { title: "Does it work?", panels: works },
  { title: "Traffic", panels: traffic },
  { title: "Why is it slow?", panels: slow },
  { title: "Which pod?", panels: pods },
  { title: "Caches", panels: caches },
  { title: "Refusals and faults", panels: refusals },
];
