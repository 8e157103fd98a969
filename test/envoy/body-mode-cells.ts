/** One cell of the matrix body mode x size x framing: every byte arrives, at the pod that was picked, which nobody else can name. */
import { beforeAll, describe, expect, test } from "vitest";
import { chatOfSize } from "../support/chat-of-size.ts";
import { type Echo, sha256 } from "../support/echo-backend.ts";
import type { EnvoyMode } from "../support/envoy-modes.ts";
import { ask, echoOf, type Framing, framings, hasTrailers, trailer } from "../support/http-framings.ts";

const KIB = 1024;

export interface Size {
  readonly title: string;
  readonly path: string;
  readonly body: Buffer;
}

const chat = (title: string, bytes: number): Size => ({ title, path: "/v1/chat/completions", body: chatOfSize(bytes) });

export const smallSizes: readonly Size[] = [
  { title: "0 B on an unknown path", path: "/unknown", body: Buffer.alloc(0) },
  { title: "0 B on an inference path", path: "/v1/completions", body: Buffer.alloc(0) },
  chat("89 B", 89),
  chat("64 KiB - 1 B", 64 * KIB - 1),
  chat("64 KiB + 1 B", 64 * KIB + 1),
];

export const allSizes: readonly Size[] = [...smallSizes, chat("1 MiB", KIB * KIB), chat("20 MiB", 20 * KIB * KIB)];

export interface Running {
  readonly pods: readonly string[];
  readonly ports: ReadonlyMap<string, number>;
}

/** What a client writes that wants to choose its pod. */
const forged = "127.0.0.1:1";

/** `running` is asked when the tests run: the processes are up by then. */
export function describeCells(
  modes: readonly Pick<EnvoyMode, "name" | "watching">[],
  sizes: readonly Size[],
  running: () => Running,
  chosen: readonly Framing[] = framings,
): void {
  describe.each(modes)("$name", (mode) => {
    let around: Running;
    beforeAll(() => {
      around = running();
    });

    describe.each(sizes)("$title", ({ path, body }) => {
      test.each(chosen)("as %s arrives whole at the picked pod", async (framing) => {
        const port = around.ports.get(mode.name) ?? 0;
        const headers = { "x-gateway-destination-endpoint": forged, "target-pod": forged };
        const echo = echoOf(await ask({ port, framing, path, body, headers }));
        expect({ bytes: echo.bytes, sha256: echo.sha256 }).toEqual({ bytes: body.length, sha256: sha256(body) });
        expect(echo.trailers[trailer.name]).toBe(hasTrailers(framing) ? trailer.value : undefined);
        expect(around.pods).toContain(echo.pod);
        expectDestination(echo, mode);
      });
    });
  });
}

function expectDestination({ pod, headers }: Echo, { watching }: Pick<EnvoyMode, "watching">): void {
  expect(headers["x-gateway-destination-endpoint"]).toBe(watching ? undefined : pod);
  expect(headers["target-pod"]).not.toBe(forged);
}
