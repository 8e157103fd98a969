/** The Kubernetes objects that deploy/ ships as files, and whose definitions each is held against. */
import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseAllDocuments } from "yaml";
import { type CrdSource, fragments, sourcesFor } from "../kube/crds/sources.ts";
import type { KubeObject } from "./kube-client.ts";

const deploy = fileURLToPath(new URL("../../deploy/", import.meta.url));

/** Paths from deploy/. */
const manifestFiles: readonly string[] = globSync("{kubernetes,gateways}/**/*.yaml", { cwd: deploy }).sort();

export function documentsOf(path: string): unknown[] {
  return parseAllDocuments(readFileSync(`${deploy}${path}`, "utf8")).map((each) => each.toJS());
}

export interface HeldObject {
  /** From deploy/. */
  readonly path: string;
  readonly object: KubeObject;
  /** The newest first; only undefined for what Kubernetes itself defines. */
  readonly sources: readonly (CrdSource | undefined)[];
}

function isObject(document: unknown): document is KubeObject {
  const { apiVersion, kind, metadata } = (document ?? {}) as Record<string, unknown>;
  return typeof apiVersion === "string" && typeof kind === "string" && typeof metadata === "object";
}

/** A document that is no object, in a file that is not known to hold such, is an error. */
export function shippedObjects(): HeldObject[] {
  return manifestFiles
    .filter((path) => fragments[path] === undefined)
    .flatMap((path) =>
      documentsOf(path).map((object) => {
        if (!isObject(object)) throw new Error(`${path} holds something that is no object of Kubernetes`);
        const found = sourcesFor(path, object.apiVersion);
        return { path, object, sources: found.length === 0 ? [undefined] : found };
      }),
    );
}
