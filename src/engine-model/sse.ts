/** The framing of server-sent events. */

/** One unnamed event with a JSON payload. */
export function sseEvent(payload: unknown): string {
  return `data: ${JSON.stringify(payload)}\n\n`;
}

/** What OpenAI's streams end with. */
export const sseDone = "data: [DONE]\n\n";
