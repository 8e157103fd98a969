/** A request that goes on in the words it came in: what of its body changes for one backend. */
import { type BodyForm, placeOfModel, readBody } from "../request/body-form.ts";
import type { Api } from "../request/inference-request.ts";
import type { Splice } from "../request/model-place.ts";
import { splicedPieces, spliceFor } from "../rewrite/splice-body.ts";
import { askForUsage } from "./ask-for-usage.ts";
import type { Backend } from "./backend.ts";
import { type AttemptRefusal, type AttemptRequest, nameAt, type Outgoing } from "./outgoing.ts";
import { ownPath } from "./outgoing-path.ts";

/** The client's own body: at most its model's name changes, and the wish for usage comes in. */
export function passed(
  backend: Backend,
  { path: asWritten, headers, body, model }: AttemptRequest,
  form: BodyForm,
): Outgoing | AttemptRefusal {
  const path = backend.pathPrefix === "" ? asWritten : ownPath(asWritten, form.api);
  const read = body === undefined || body.length === 0 ? undefined : readModel(backend, form, body);
  if (read !== undefined && "code" in read) return read;
  const askedModel = read?.model || model;
  const target = nameAt(backend, askedModel);
  const splices: Splice[] = [];
  if (read?.canRename && target !== "" && target !== read.model) {
    const place = placeOfModel(form.api);
    if (place === undefined) return { code: "body_unreadable" };
    splices.push(spliceFor(place, target));
  }
  const streams = read?.streams ?? false;
  const asks = backend.asksForUsage && streams && toldUsage.has(form.api);
  const usage = asks && body !== undefined ? askForUsage(body) : undefined;
  const asked = { path, model: target, askedModel, streams, wantsUsage: !asks, wantsBase64: false };
  const hidesUsage = usage !== undefined && usage !== "asked already";
  const passage = backend.translator.passed[form.api];
  const outgoing = {
    asked,
    path: passage?.path(asked, backend.options) ?? path,
    headers: keptHeaders(passage?.keeps, headers),
    hidesUsage,
  };
  if (body === undefined) return { ...outgoing, body: undefined };
  if (hidesUsage) splices.push(...usage);
  return { ...outgoing, body: splices.length === 0 ? undefined : splicedPieces(body, splices) };
}

/** As the client sent them; see ApiPassage. */
function keptHeaders(names: readonly string[] = [], came: AttemptRequest["headers"]): Record<string, string> {
  const kept = names.filter((name) => came[name] !== undefined);
  return Object.fromEntries(kept.map((name) => [name, came[name] ?? ""]));
}

/** Of the other APIs that stream, every answer tells its usage, or none does. */
const toldUsage: ReadonlySet<Api> = new Set(["chat", "completions"]);

interface ReadModel {
  readonly model: string;
  readonly streams: boolean;
  /** Is it known where the name stands? */
  readonly canRename: boolean;
}

/** A body that names no model gets the one that all requests get here; without such a one it is a fault. */
function readModel(backend: Backend, form: BodyForm, body: Buffer): ReadModel | AttemptRefusal {
  if (form.api === "none") return { model: "", streams: false, canRename: false };
  const read = readBody(form, body, false, backend.model === "" ? undefined : true);
  if ("code" in read) return read;
  const renames = backend.model !== "" || backend.models.size > 0;
  // What it says nobody here knows, and the backend may.
  if ("unread" in read) return renames ? { code: "body_unreadable" } : { model: "", streams: false, canRename: false };
  return { model: read.model, streams: read.stream, canRename: placeOfModel(form.api) !== undefined };
}
