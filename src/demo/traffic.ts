/** Users in a closed loop: each holds one conversation after the other and asks only when the last answer is there. */
import { setTimeout as delay } from "node:timers/promises";
import type { Answer, Message } from "./ask.ts";
import type { Conversation } from "./conversations.ts";

export interface Traffic {
  /** Shared: whoever is free takes the next one. */
  readonly conversations: Iterator<Conversation>;
  readonly users: number;
  /** Divides the think times. */
  readonly speed: number;
  readonly ask: (messages: readonly Message[]) => Promise<Answer>;
  readonly onAnswer: (answer: Answer) => void;
  /** Ends the traffic between two questions. */
  readonly signal: AbortSignal;
}

/** Users arrive one after the other, so that the start is no burst. */
const arrivalGapMs = 180;

/** Resolves when the conversations are used up or the signal came. */
export async function runTraffic(traffic: Traffic): Promise<void> {
  const { users, conversations, speed, signal } = traffic;
  const user = async (_: unknown, index: number) => {
    await pause((index * arrivalGapMs) / speed, signal);
    while (!signal.aborted) {
      const next = conversations.next();
      if (next.done === true) return;
      await converse(traffic, next.value);
    }
  };
  await Promise.all(Array.from({ length: users }, user));
}

/** Every turn carries the real answers before it; a question that failed is dropped and the talk goes on. */
async function converse(traffic: Traffic, { system, turns }: Conversation): Promise<void> {
  const messages: Message[] = [{ role: "system", content: system }];
  for (const { question, thinkMs } of turns) {
    await pause(thinkMs / traffic.speed, traffic.signal);
    if (traffic.signal.aborted) return;
    messages.push({ role: "user", content: question });
    const answer = await traffic.ask(messages);
    traffic.onAnswer(answer);
    if (answer.fault === undefined) messages.push({ role: "assistant", content: answer.text });
    else messages.pop();
  }
}

/** An early end is no error. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}
