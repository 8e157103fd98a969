/** GET and PUT /debug/log-level: what the log says of each component, changed while the picker runs. */
import type { FastifyInstance, FastifyReply } from "fastify";
import { componentNames, isComponent, type LogComponent, levelWords, parseLevel } from "../config/log-levels.ts";
import type { Logs } from "./log.ts";

const PATH = "/debug/log-level";

interface Wish {
  readonly component?: unknown;
  readonly level?: unknown;
}

export function addLogLevelRoutes(server: FastifyInstance, logs: Logs): void {
  server.get(PATH, async () => logs.levels());
  server.put(PATH, async ({ query, body }, reply) => {
    const wish = { ...(query as Wish), ...(typeof body === "object" ? body : undefined) } as Wish;
    const components = componentsOf(wish.component);
    if (components === undefined) return refuse(reply, `component: one of all, ${componentNames.join(", ")}`);
    const { level } = wish;
    if (level === null || level === "configured") logs.want(components, undefined);
    else {
      const parsed = typeof level === "string" || typeof level === "number" ? parseLevel(String(level)) : undefined;
      if (parsed === undefined) {
        return refuse(reply, `level: one of ${levelWords.join(", ")}, 0 to 5, or configured for what the settings say`);
      }
      logs.want(components, parsed);
    }
    return logs.levels();
  });
}

function componentsOf(wanted: unknown): readonly LogComponent[] | undefined {
  if (wanted === undefined || wanted === "all") return componentNames;
  return typeof wanted === "string" && isComponent(wanted) ? [wanted] : undefined;
}

/** What was sent is not repeated. */
function refuse(reply: FastifyReply, expected: string): FastifyReply {
  return reply.code(400).send({ error: `expected ${expected}` });
}
