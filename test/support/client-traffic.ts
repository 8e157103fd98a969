/** What a shipped ClientTrafficPolicy makes of a listener, and Envoy Gateway's own limits where it says nothing. */
import { documentsOf } from "./shipped-objects.ts";

interface Policy {
  readonly kind: string;
  readonly spec: {
    readonly headers?: { readonly earlyRequestHeaders: { readonly remove: readonly string[] } };
    readonly connection?: { readonly bufferLimit?: Quantity };
    readonly http2?: { readonly initialStreamWindowSize?: Quantity };
  };
}
type Quantity = string | number;

export interface ClientLimits {
  /** Of the listener: the longest body over HTTP/1. */
  readonly bufferBytes: number;
  /** Of each request over HTTP/2: the longest body there. */
  readonly windowBytes: number;
}

/** Without any policy. Envoy's own are 1 MiB and 16 MiB. */
export const gatewayDefaults: ClientLimits = { bufferBytes: 32 * 1024, windowBytes: 64 * 1024 };

const units: Readonly<Record<string, number>> = { Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 };

function bytesOf(quantity: Quantity): number {
  const [, digits, unit = ""] = /^(\d+)([KMG]i)?$/.exec(String(quantity)) ?? [];
  if (digits === undefined) throw new Error(`no number of bytes: ${quantity}`);
  return Number(digits) * (units[unit] ?? 1);
}

function policyIn(file: string): Policy["spec"] {
  const found = (documentsOf(`gateways/${file}`) as Policy[]).find(({ kind }) => kind === "ClientTrafficPolicy");
  if (found === undefined) throw new Error(`${file} has no ClientTrafficPolicy`);
  return found.spec;
}

/** The headers that are taken from clients before any filter. */
export function removedEarly(file: string): readonly string[] {
  const { headers } = policyIn(file);
  if (headers === undefined) throw new Error(`${file} removes no headers`);
  return headers.earlyRequestHeaders.remove;
}

export function clientLimits(file: string): ClientLimits {
  const { connection, http2 } = policyIn(file);
  const { bufferBytes, windowBytes } = gatewayDefaults;
  return {
    bufferBytes: bytesOf(connection?.bufferLimit ?? bufferBytes),
    windowBytes: bytesOf(http2?.initialStreamWindowSize ?? windowBytes),
  };
}

/** As Envoy Gateway writes it into the HTTP connection manager. */
export const http2Options = ({ windowBytes }: ClientLimits): object => ({
  initial_stream_window_size: windowBytes,
  initial_connection_window_size: 2 ** 20,
  max_concurrent_streams: 100,
});
