/** What a line of the log says of a stream that has ended. */
import type { FilterMode } from "../ext-proc/body-mode.ts";
import type { StreamEnd, StreamPort } from "../ext-proc/stream-host.ts";

export function streamLine(port: StreamPort, end: StreamEnd): object {
  const { cause, first, attributes, mode, status, inFlightSource, requestId } = end;
  return {
    requestId,
    peer: port.peer(),
    first,
    attributes,
    mode: modeWord(mode),
    grpcStatus: status,
    cause,
    inFlightSource,
  };
}

/** request/response, as in "buffered/none". */
function modeWord(mode: FilterMode): string {
  if (!mode.stated) return "unstated";
  return `${mode.request}${mode.early ? "+early" : ""}/${mode.response}`;
}
