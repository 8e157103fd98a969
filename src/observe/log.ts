/**
 * Logging: pino set up once, with a child and a level for each component. Every line is cleaned before it is written, and
 * warnings and errors that repeat are counted instead.
 */
import pino, { type DestinationStream, type Logger } from "pino";
import {
  type ComponentLevels,
  componentNames,
  type LogComponent,
  type LogLevel,
  levelOf,
} from "../config/log-levels.ts";
import { cleanFields, cleanText } from "./log-cleaning.ts";
import { type MoreOf, Repeats, WINDOW_MS } from "./log-repeats.ts";

export type { Logger };

/** Told of every line, also of those that are counted and not written, with fields that are clean. */
export type LineListener = (level: number, fields: Readonly<Record<string, unknown>>, message: string) => void;

export interface LogsParts {
  readonly verbosity: number;
  readonly levels?: ComponentLevels;
  readonly listener?: LineListener | undefined;
  /** Default: standard output. */
  readonly destination?: DestinationStream | undefined;
}

/** From here on repeats are counted. */
const WARN = 40;
/** These differ from line to line and say nothing of what is wrong. */
const passing: ReadonlySet<string> = new Set(["peer", "requestId"]);

export class Logs {
  readonly #loggers: ReadonlyMap<LogComponent, Logger>;
  readonly #repeats = new Repeats({
    now: () => performance.now(),
    later: (run, ms) => void setTimeout(run, ms).unref(),
  });
  readonly #listeners: (() => void)[] = [];
  /** What somebody wants while the picker runs; it outlasts changes of the configuration. */
  readonly #wanted = new Map<LogComponent, LogLevel>();
  #verbosity: number;
  #configured: ComponentLevels;

  constructor({ verbosity, levels = {}, listener, destination }: LogsParts) {
    this.#verbosity = verbosity;
    this.#configured = levels;
    // Children have levels of their own, so that the root lets everything pass.
    const root = makeLogger("trace", this.#repeats, listener, destination);
    this.#loggers = new Map(componentNames.map((component) => [component, root.child({ component })]));
    this.#apply();
  }

  of(component: LogComponent): Logger {
    const logger = this.#loggers.get(component);
    if (logger === undefined) throw new Error(`there is no component ${component}`);
    return logger;
  }

  /** What the configuration says, from now on. */
  configure(verbosity: number, levels: ComponentLevels): void {
    this.#verbosity = verbosity;
    this.#configured = levels;
    this.#apply();
  }

  /** Until it is taken back with undefined, or the process ends. */
  want(components: readonly LogComponent[], level: LogLevel | undefined): void {
    for (const component of components) {
      if (level === undefined) this.#wanted.delete(component);
      else this.#wanted.set(component, level);
    }
    this.#apply();
  }

  /** The level of each component, and whether it is the configuration's. */
  levels(): Record<LogComponent, { readonly level: LogLevel; readonly configured: LogLevel }> {
    const entries = componentNames.map((component) => {
      const configured = this.#configuredOf(component);
      return [component, { level: this.#wanted.get(component) ?? configured, configured }] as const;
    });
    return Object.fromEntries(entries) as ReturnType<Logs["levels"]>;
  }

  /** Who keeps in mind what is logged is told when that may have changed. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Says what is counted and not said yet. */
  flush(): void {
    this.#repeats.flush();
  }

  #configuredOf(component: LogComponent): LogLevel {
    return this.#configured[component] ?? levelOf(this.#verbosity);
  }

  #apply(): void {
    for (const [component, { level }] of Object.entries(this.levels()))
      this.of(component as LogComponent).level = level;
    for (const listener of this.#listeners) listener();
  }
}

function makeLogger(
  level: LogLevel,
  repeats: Repeats,
  listener?: LineListener,
  destination: DestinationStream = pino.destination(1),
): Logger {
  const hooks = {
    logMethod(this: Logger, args: Parameters<pino.LogFn>, method: pino.LogFn, lineLevel: number) {
      const [first, second] = args as readonly unknown[];
      const fields = typeof first === "object" && first !== null ? cleanFields(first) : {};
      const message = cleanText(String((typeof first === "string" ? first : second) ?? ""));
      // Without arguments behind it, nothing in a message is taken for a placeholder.
      const write = (more: number, of: MoreOf): void =>
        more === 0
          ? method.call(this, fields, message)
          : method.call(this, of === "line" ? { ...fields, more } : { more }, summary(message, more, of));
      listener?.(lineLevel, fields, message);
      if (lineLevel < WARN) write(0, "line");
      else repeats.do(message, identityOf(fields), write);
    },
  };
  // Errors are clean objects already, which pino would take for errors of its own.
  const serializers = { err: (err: unknown) => err };
  return pino({ level, base: {}, timestamp: pino.stdTimeFunctions.isoTime, hooks, serializers }, destination);
}

function summary(message: string, more: number, of: MoreOf): string {
  const time = `${WINDOW_MS / 1000} s`;
  if (of === "line") return `${message} (said 1 time, ${more} more in ${time})`;
  return of === "message" ? `${message} (${more} more in ${time}, of other kinds)` : `${more} other lines in ${time}`;
}

/** Two lines are the same whose texts are: numbers count up or measure. */
function identityOf(fields: object): string {
  return JSON.stringify(fields, (name, value) => (typeof value === "number" || passing.has(name) ? 0 : value));
}

/** Says a thing once per key for the whole life of the process. */
export class Once {
  readonly #said = new Set<string>();

  do(key: string, say: () => void): void {
    if (this.#said.has(key)) return;
    this.#said.add(key);
    say();
  }
}

const LINES_PER_WINDOW = 20;
const BRAKE_MS = 1000;

/** Lets some lines a second through and counts the rest, which the next line that passes reports. */
export class Brake {
  readonly #now: () => number;
  #windowEndsMs = 0;
  #lines = 0;
  #dropped = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** `say` gets how many lines were dropped since the last one. */
  do(say: (dropped: number) => void): void {
    const now = this.#now();
    if (now >= this.#windowEndsMs) {
      this.#windowEndsMs = now + BRAKE_MS;
      this.#lines = 0;
    }
    if (++this.#lines > LINES_PER_WINDOW) {
      this.#dropped++;
      return;
    }
    const dropped = this.#dropped;
    this.#dropped = 0;
    say(dropped);
  }
}
