/** What came of asking the parts themselves: the picker's port, its health, and a request through the gateway. */
import { isRecord, type Quote } from "../place.ts";

export interface LiveAnswers {
  /** What became of each question that was asked, in the order of the request's way. */
  readonly asked: readonly LiveAnswer[];
}

export interface LiveAnswer {
  /** Which question: `picker-plaintext`, `picker-tls`, `picker-health`, `pick`, `request`, `forged-destination`, `models`. */
  readonly question: string;
  readonly isWell: boolean;
  /** An HTTP or gRPC status, or an error code such as ECONNREFUSED. */
  readonly status: string;
  readonly quote: Quote;
}

/** Neither in plaintext nor in TLS did the picker's port greet: the answer that says so best. */
export function deadPort(live: LiveAnswers | undefined): LiveAnswer | undefined {
  const ways = live?.asked.filter(({ question }) => question === "picker-plaintext" || question === "picker-tls") ?? [];
  return ways.some(({ isWell }) => isWell) ? undefined : ways[0];
}

/** As a bundle has them; throws where it is not what a doctor wrote. */
export function readAnswers(asked: readonly unknown[]): LiveAnswers {
  const isAnswer = (each: unknown): each is LiveAnswer => {
    if (!isRecord(each) || !isRecord(each["quote"])) return false;
    const { question, isWell, status, quote } = each;
    const texts = [question, status, quote["source"], quote["text"]];
    return typeof isWell === "boolean" && texts.every((text) => typeof text === "string");
  };
  if (!asked.every(isAnswer)) throw new Error("an answer in it is none that a probe of the doctor gives");
  return { asked };
}
