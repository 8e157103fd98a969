/** An API's row of the table, settled once into what the parser runs on: a visit per key, and the places they fill. */
import { type ApiSpec, type PromptPart, partNames } from "./apis.ts";
import { ContentReader } from "./content-reader.ts";
import { OPEN_BRACE } from "./json-bytes.ts";
import { chatShape, itemShape, MessageList } from "./message-list.ts";
import { FIRST_PART_LABEL, type PromptRanges } from "./prompt-ranges.ts";
import { noPlace, type Place, PlacedValue, PromptBatch, PromptContent, type PromptReader } from "./prompt-values.ts";
import { BAD, type Visit } from "./scan-json.ts";
import { MemberTable, type ValueReader } from "./value-reader.ts";

/** A part of the prompt once the body has been read. */
type ReadPart = Pick<PromptReader, "otherBytes" | "addTo">;

/** What plans share: one body is read at a time, by one plan, and no API has two parts of one of these forms. */
export interface SharedReaders {
  readonly reader: ValueReader;
  readonly system: PromptContent;
  readonly messages: MessageList;
  readonly items: MessageList;
}

export function shareReaders(reader: ValueReader): SharedReaders {
  const inner = new ContentReader(reader);
  return {
    reader,
    system: new PromptContent(new ContentReader(reader, labelOf("system"), true)),
    messages: new MessageList(reader, inner, chatShape),
    items: new MessageList(reader, inner, itemShape),
  };
}

/** The same name has the same label in every API. */
function labelOf(part: string): number {
  return FIRST_PART_LABEL + partNames.indexOf(part);
}

/** A key that is known, and those inside its value. */
interface Key {
  readonly place: Place;
  readonly inside: Map<string, Key>;
}

export class BodyPlan {
  readonly table: MemberTable;
  readonly model: Place;
  readonly stream: Place;
  readonly caps: readonly Place[];
  readonly session: readonly Place[];
  readonly salts: readonly Place[];
  readonly adapter: readonly Place[];
  readonly #parts: readonly ReadPart[];
  readonly #shared: SharedReaders;
  readonly #keys = new Map<string, Key>();
  readonly #readers = new Map<string, PromptReader>();
  readonly #places: Place[] = [];
  readonly #readerList: readonly PromptReader[];

  constructor(spec: ApiSpec, shared: SharedReaders) {
    this.#shared = shared;
    this.model = this.#placeOf("model");
    this.stream = this.#placeOf("stream");
    this.caps = spec.caps.map(this.#placeOf);
    this.session = spec.session.map(this.#placeOf);
    this.salts = spec.salts.map(this.#placeOf);
    this.adapter = spec.adapter.map(this.#placeOf);
    this.#parts = spec.prompt.map(this.#readPart);
    this.table = this.#tableOf(this.#keys, this.#readers);
    this.#readerList = [...this.#readers.values()];
  }

  clear(): void {
    for (const place of this.#places) forget(place);
    for (const reader of this.#readerList) reader.clear();
  }

  /** Adds the prompt's parts; returns the bytes that count as load beside them. */
  addPrompt(ranges: PromptRanges): number {
    let otherBytes = 0;
    for (const part of this.#parts) {
      part.addTo(ranges);
      otherBytes += part.otherBytes;
    }
    return otherBytes;
  }

  readonly #placeOf = (path: string): Place => {
    let keys = this.#keys;
    let place = noPlace();
    for (const name of path.split(".")) {
      let key = keys.get(name);
      if (key === undefined) {
        key = { place: noPlace(), inside: new Map() };
        keys.set(name, key);
        this.#places.push(key.place);
      }
      ({ place, inside: keys } = key);
    }
    return place;
  };

  readonly #readPart = ({ at, as }: PromptPart): ReadPart => {
    if (as === "whole") return new PlacedValue(this.#placeOf(at), labelOf(at));
    const isBatch = as === "prompts" || as === "texts";
    const part = isBatch ? new PromptBatch(this.#shared.reader, labelOf(at), as === "texts") : this.#shared[as];
    this.#readers.set(at, part);
    return part;
  };

  #tableOf(keys: ReadonlyMap<string, Key>, readers: ReadonlyMap<string, PromptReader>): MemberTable {
    const visits = new Map<string, Visit>();
    for (const [name, key] of keys) visits.set(name, this.#visitOf(key));
    for (const [name, { read }] of readers) visits.set(name, read);
    return new MemberTable(Object.fromEntries(visits), this.#shared.reader.skip);
  }

  #visitOf({ place, inside }: Key): Visit {
    const { reader } = this.#shared;
    const table = this.#tableOf(inside, new Map());
    const visitMember: Visit = (at) => reader.visitMember(table, at);
    const places = placesIn(inside);
    return (at) => {
      const { spaces } = reader;
      // The last mention counts, with all that is inside.
      for (const inner of places) forget(inner);
      const isWalked = places.length > 0 && reader.byteAt(at) === OPEN_BRACE;
      const next = isWalked ? reader.members(at, visitMember) : reader.skipValue(at);
      reader.note(at, next, spaces);
      place.start = reader.valueStart;
      place.end = reader.valueEnd;
      place.mark = reader.valueMark;
      place.isWhole = next !== BAD;
      return next;
    };
  }
}

function placesIn(keys: ReadonlyMap<string, Key>): Place[] {
  return [...keys.values()].flatMap(({ place, inside }) => [place, ...placesIn(inside)]);
}

function forget(place: Place): void {
  place.start = place.end = 0;
}
