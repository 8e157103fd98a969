/** Follows a request of the decision log to its end; and a record that is two. */
import type { RequestRecord } from "../ext-proc/stream-host.ts";
import type { AnswerReport } from "../response/answer-reading.ts";
import type { DecisionLog } from "./decision-log.ts";

export function loggedRequest(log: DecisionLog): RequestRecord {
  let id = "";
  let status = 0;
  let report: AnswerReport | undefined;
  return {
    saw: (message) => {
      if (message.kind === "response_headers") status = message.status;
    },
    routed: () => {},
    picked: () => {
      id = log.lastId;
    },
    refused: () => {},
    answered: (answer) => {
      report = answer;
    },
    ended: (end) => {
      if (id !== "") log.ended(id, end, status, report);
    },
  };
}

export function bothRecords(one: RequestRecord, other: RequestRecord): RequestRecord {
  return {
    saw: (...told) => {
      one.saw(...told);
      other.saw(...told);
    },
    routed: (tookMs) => {
      one.routed(tookMs);
      other.routed(tookMs);
    },
    picked: (...told) => {
      one.picked(...told);
      other.picked(...told);
    },
    refused: (...told) => {
      one.refused(...told);
      other.refused(...told);
    },
    answered: (report) => {
      one.answered(report);
      other.answered(report);
    },
    ended: (...told) => {
      one.ended(...told);
      other.ended(...told);
    },
  };
}
