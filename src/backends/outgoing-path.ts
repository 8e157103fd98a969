/** The client's path as a backend may be sent it: with the backend's key beside it, no word of it may lead elsewhere. */
import { apis } from "../request/apis.ts";
import type { Api } from "../request/inference-request.ts";
import { formApis } from "../request/other-apis.ts";

/** Servers undo what is encoded, some of them twice, and cut off what is behind a semicolon: `..;` is `..` to them. */
const misleading = /[;\\#]|%(2e|2f|5c|3b|23|25|00)/i;
const dotSegment = /(^|\/)\.\.?(\/|$)/;

/** Does it lead where it says to, whoever reads it? The query is nobody's way. */
export function leadsStraight(path: string): boolean {
  const [way = ""] = path.split("?", 1);
  return !misleading.test(way) && !dotSegment.test(way);
}

const pathsOf: Readonly<Partial<Record<Api, readonly string[]>>> = Object.fromEntries([
  ...Object.entries(apis).map(([api, { paths }]) => [api, paths]),
  ...Object.entries(formApis).map(([api, { path }]) => [api, [path]]),
]);

/** Without what stands before the API's own path and its version, which is of this gateway and not of the backend. */
export function ownPath(path: string, api: Api): string {
  const [way = ""] = path.split("?", 1);
  const suffix = pathsOf[api]?.find((each) => way.endsWith(each));
  if (suffix === undefined) return path;
  const before = way.slice(0, way.length - suffix.length);
  const version = /\/v\d+$/.exec(before)?.[0] ?? "";
  return `${version}${suffix}${path.slice(way.length)}`;
}
