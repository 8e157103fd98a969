import { describe, expect, test } from "vitest";
import { LONGEST_MODEL } from "../../../src/request/inference-request.ts";
import { multipartFields, readMultipart } from "../../../src/request/multipart.ts";
import { LONGEST_BOUNDARY } from "../../../src/request/multipart-parameters.ts";
import { LONGEST_HEAD, MAX_FINDS } from "../../../src/request/multipart-parts.ts";
import { Random } from "../../support/random.ts";

const BOUNDARY = "----form7MA4YWxkTrZu0gW";
const TYPE = `multipart/form-data; boundary=${BOUNDARY}`;

interface Part {
  readonly disposition: string;
  readonly content: string | Buffer;
  readonly headers?: string;
}

const field = (name: string, content: string | Buffer, headers = ""): Part => {
  return { disposition: `form-data; name="${name}"`, content, headers };
};
const file = (content: string | Buffer, disposition = 'form-data; name="file"; filename="a.wav"'): Part => {
  return { disposition, content, headers: "Content-Type: audio/wav" };
};

/** Writes a form as clients do; `lineEnd` and what stands around it are for the odd ones. */
function form(parts: readonly Part[], boundary = BOUNDARY, lineEnd = "\r\n", close = "--\r\n"): Buffer {
  const pieces = parts.flatMap(({ disposition, content, headers = "" }) => [
    `--${boundary}${lineEnd}Content-Disposition: ${disposition}${lineEnd}${headers}${headers && lineEnd}${lineEnd}`,
    content,
    lineEnd,
  ]);
  return Buffer.concat([...pieces, `--${boundary}${close}`].map((piece) => Buffer.from(piece)));
}

/** The form as an object with the prompt's text, or why it is none. */
function read(body: Buffer, type = TYPE, cut = false) {
  const result = readMultipart(type, body, cut);
  if ("unread" in result) return result.unread;
  const { promptStart, promptEnd, ...rest } = result;
  return { ...rest, prompt: body.toString("utf8", promptStart, promptEnd) };
}

const nothing = { model: "", session: "", stream: false, maxTokens: Number.NaN, prompt: "" };
const whisper = { ...nothing, model: "whisper" };
const model = field("model", "whisper");

describe("readMultipart", () => {
  test("reads the fields that it names, in any order around the file", () => {
    const parts = [
      model,
      field("prompt", "Grüße, 東京"),
      field("stream", "true"),
      field("max_completion_tokens", "128"),
      field("user", "ann"),
      field("language", "de"),
      file(Buffer.from([0, 1, 2, 13, 10, 45, 45, 255])),
    ];
    const expected = { model: "whisper", session: "ann", stream: true, maxTokens: 128, prompt: "Grüße, 東京" };
    const random = new Random(1);
    for (let i = 0; i < 50; i++) expect(read(form(random.shuffle([...parts])))).toEqual(expected);
    expect([...multipartFields].sort()).toEqual(["max_completion_tokens", "model", "prompt", "stream", "user"]);
  });

  test("reads the form that Node's own client writes", async () => {
    const data = new FormData();
    data.append("file", new Blob([Buffer.from("RIFF")], { type: "audio/wav" }), 'odd "name";.wav');
    data.append("model", "whisper");
    data.append("prompt", "two\r\nlines");
    const response = new Response(data);
    const body = Buffer.from(await response.arrayBuffer());
    const type = response.headers.get("content-type") ?? "";
    expect(read(body, type)).toEqual({ ...whisper, prompt: "two\r\nlines" });
  });

  test("reads a model behind a file of 25 MB", () => {
    const sound = Buffer.alloc(25 * 1024 ** 2, "\r\n--almost\r\n");
    expect(read(form([file(sound), model]))).toEqual(whisper);
  });

  test.each<[string, Buffer]>([
    ["line feeds alone", form([model], BOUNDARY, "\n", "--\n")],
    ["nothing behind the closing delimiter", form([model], BOUNDARY, "\r\n", "--")],
    [
      "padding behind the delimiters",
      Buffer.from(`--${BOUNDARY} \t\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper\r\n--${BOUNDARY}--`),
    ],
    ["a preamble", Buffer.concat([Buffer.from(`not --${BOUNDARY}\r\na part\r\n`), form([model])])],
    ["an empty line before", Buffer.concat([Buffer.from("\r\n"), form([model])])],
    ["an epilogue", Buffer.concat([form([model]), form([field("model", "other")])])],
    ["a part without a head", Buffer.concat([Buffer.from(`--${BOUNDARY}\r\n`), form([model])])],
    ["a part without a name", form([model, { disposition: "form-data", content: "other" }])],
    ["a part without a disposition", form([model, { disposition: 'x"\r\nX-Other: y', content: "other" }])],
    ["a second field of the name", form([field("model", "first"), model])],
    ["a name without quotes", form([{ disposition: "form-data; name=model", content: "whisper" }])],
    ["a name with a lone backslash", form([model, { disposition: 'form-data; name="mo\\del"', content: "other" }])],
    [
      "a name in RFC 8187's spelling",
      form([model, { disposition: "form-data; name*=utf-8''model", content: "other" }]),
    ],
    [
      "a quote behind a backslash in a name",
      form([model, { disposition: 'form-data; name="a\\"; name="model"', content: "other" }]),
    ],
    [
      "other space than blanks in a name",
      form([model, { disposition: "form-data; name=model\u00a0", content: "other" }]),
    ],
    [
      "two dispositions in a part, of which the last counts",
      form([
        { disposition: 'form-data; name="x"\r\nContent-Disposition: form-data; name="model"', content: "whisper" },
        { disposition: 'form-data; name="model"\r\nContent-Disposition: form-data; name="x"', content: "other" },
      ]),
    ],
    [
      "parameters of no meaning",
      form([{ disposition: 'form-data; odd; ; x="a;b"; NAME="model"', content: "whisper" }]),
    ],
    ["a folded header", form([{ disposition: 'form-data;\r\n name="model"', content: "whisper" }])],
    ["other headers", form([field("model", "whisper", "Content-Type: text/plain; charset=utf-8\r\nX-A: b")])],
    [
      "headers in another order and case",
      Buffer.from(
        `--${BOUNDARY}\r\ncontent-type: text/plain\r\nCONTENT-disposition :FORM-DATA;Name=model\r\n\r\nwhisper\r\n--${BOUNDARY}--`,
      ),
    ],
    ["a boundary inside a line of the file", form([file(`x--${BOUNDARY}\r\n`), model])],
    ["a longer boundary in the file", form([file(`\r\n--${BOUNDARY}x\r\n\r\n`), model])],
    ["a file called model", form([model, file("other", 'form-data; name="model"; filename="a"')])],
    ["a file without a name", form([model, file("other", 'form-data; name="model"; filename=""')])],
    ["a file with a name of no value", form([model, file("x", "form-data; name=model; filename")])],
    ["a field with a file name in RFC 8187's spelling", form([file("whisper", "form-data; name=model; filename*=a")])],
    [
      "a field whose end is missing",
      Buffer.concat([form([model], BOUNDARY, "\r\n", "\r\n"), Buffer.from("x\r\n\r\ny")]),
    ],
  ])("reads a form with %s", (_name, body) => expect(read(body)).toEqual(whisper));

  test.each<[string, string, string]>([
    ["quoted", `multipart/form-data; boundary="${BOUNDARY}"`, BOUNDARY],
    ["in capitals, behind another parameter", `Multipart/Form-Data ; charset=utf-8 ; BOUNDARY=${BOUNDARY}`, BOUNDARY],
    ["of odd characters", `multipart/form-data; boundary="a '()+_,-./:=?;b"`, "a '()+_,-./:=?;b"],
    ["of odd characters without quotes", "multipart/form-data; boundary=a'()+_,-./:=?b", "a'()+_,-./:=?b"],
    ["with escapes", 'multipart/form-data; boundary="a\\"b"', 'a"b'],
    ["of one character", "multipart/form-data; boundary=x", "x"],
    ["of dashes", "multipart/form-data; boundary=--", "--"],
    [
      "as long as may be",
      `multipart/form-data; boundary=${"b".repeat(LONGEST_BOUNDARY)}`,
      "b".repeat(LONGEST_BOUNDARY),
    ],
  ])("takes a boundary %s", (_name, type, boundary) => {
    expect(read(form([file("\r\n\r\n-x-\r\n"), model], boundary), type)).toEqual(whisper);
  });

  test.each<[string, string]>([
    ["no content-type", ""],
    ["no boundary", "multipart/form-data"],
    ["an empty boundary", 'multipart/form-data; boundary=""'],
    ["a boundary that is too long", `multipart/form-data; boundary=${"b".repeat(LONGEST_BOUNDARY + 1)}`],
    ["another type", `multipart/mixed; boundary=${BOUNDARY}`],
    ["JSON's type", "application/json"],
    ["another boundary", "multipart/form-data; boundary=other"],
    ["a quote without its end", `multipart/form-data; boundary="${BOUNDARY}\\`],
  ])("reads nothing of a body with %s", (_name, type) => expect(read(form([model]), type)).toBe("form_broken"));

  test("keeps nothing of the body before", () => {
    expect(read(form([model, field("stream", "1")]))).toEqual({ ...whisper, stream: true });
    expect(read(form([file("x")]))).toEqual(nothing);
    expect(read(Buffer.from("{}"))).toBe("form_broken");
    expect(read(form([], BOUNDARY))).toEqual(nothing);
  });

  test.each([
    ["true", true],
    ["True", true],
    ["1", true],
    ["on", true],
    ["yes", true],
    ["false", false],
    ["0", false],
    ["", false],
    ["truely", false],
    [`true${" ".repeat(40)}`, false],
  ])("takes a stream field of %j for %s", (text, stream) => {
    expect(read(form([model, field("stream", text)]))).toEqual({ ...whisper, stream });
  });

  test.each([
    ["64", 64],
    ["0", 0],
    ["-1", Number.NaN],
    ["1e3", Number.NaN],
    ["", Number.NaN],
    ["9".repeat(40), Number.NaN],
  ])("takes a cap of %j for %d", (text, maxTokens) => {
    expect(read(form([model, field("max_completion_tokens", text)]))).toEqual({ ...whisper, maxTokens });
  });

  test("takes a model or user that is too long for none, and takes the longest", () => {
    const longest = "m".repeat(LONGEST_MODEL);
    expect(read(form([field("model", longest)]))).toEqual({ ...nothing, model: longest });
    expect(read(form([field("model", `${longest}m`), field("user", `${longest}m`)]))).toEqual(nothing);
  });

  test("does not apply a transfer encoding, as the engines do not", () => {
    const coded = field("model", "d2hpc3Blcg==", "Content-Transfer-Encoding: base64");
    expect(read(form([coded]))).toEqual({ ...nothing, model: "d2hpc3Blcg==" });
  });

  test("reads of a body cut anywhere the fields that came whole", () => {
    const body = form([model, file(Buffer.alloc(100, "\r\n--")), field("stream", "true")]);
    // A delimiter is told from text by the line feed behind it, or by its two dashes.
    const modelEnd = body.indexOf(`--${BOUNDARY}\r\n`, 10) + BOUNDARY.length + 4;
    const streamEnd = body.length - 2;
    for (let length = 0; length <= body.length; length++) {
      const expected = { ...nothing, model: length < modelEnd ? "" : "whisper", stream: length >= streamEnd };
      expect(read(body.subarray(0, length), TYPE, true)).toEqual(expected);
    }
    expect(read(body, "application/json", true)).toBe("form_broken");
  });

  test.each<[string, Part[]]>([
    ["delimiters", Array.from({ length: MAX_FINDS }, () => field("x", "y"))],
    ["texts like delimiters", [file(`\r\n--${BOUNDARY}x`.repeat(MAX_FINDS))]],
    ["headers of a part", [field("x", "y", `X-A: ${"a".repeat(LONGEST_HEAD)}`)]],
    ["parameters of a part", [{ disposition: `form-data${"; a=b".repeat(40)}; name=model`, content: "y" }]],
  ])("says nothing of a form with more %s than are read, where a later model might be", (_name, parts) => {
    const other = field("model", "other");
    expect(read(form([model, ...parts, other]))).toBe("too_much");
  });

  test("reads a form with as many delimiters as may be", () => {
    const many = Array.from({ length: MAX_FINDS - 2 }, () => field("x", "y"));
    expect(read(form([...many, model]))).toEqual(whisper);
    expect(read(form([...many, field("x", "y"), model]))).toEqual(whisper);
    expect(read(form([...many, field("x", "y"), field("x", "y"), model]))).toBe("too_much");
  });

  test("never throws over mutated forms, and finds nothing outside of them", () => {
    const seed = 20_240_607;
    const random = new Random(seed);
    const parts = [model, field("prompt", "hello"), file(random.bytes(60)), field("stream", "1")];
    const whole = form(parts, "b0");
    const spices = ["\r\n", "\n--b0", "--", ";", '"', "=", "filename", "\\", " ", "name=model", "\0"];
    for (let i = 0; i < 10_000; i++) {
      let body: Buffer = Buffer.from(whole);
      for (let edits = random.int(4); edits >= 0; edits--) {
        const at = random.int(body.length + 1);
        const spice = random.chance(0.5) ? Buffer.from(random.of(spices)) : random.bytes(random.int(3));
        body = Buffer.concat([body.subarray(0, at), spice, body.subarray(at + random.int(4))]);
      }
      const cut = random.chance(0.3);
      const type = random.chance(0.1)
        ? `multipart/form-data; boundary=${random.of(spices)}`
        : TYPE.replace(BOUNDARY, "b0");
      const result = readMultipart(type, body, cut);
      if ("unread" in result) continue;
      expect(result.promptStart, `seed ${seed}, round ${i}`).toBeLessThanOrEqual(result.promptEnd);
      expect(result.promptEnd).toBeLessThanOrEqual(body.length);
    }
  });

  const MEGABYTES = 8 * 1024 ** 2;
  test.each<[string, string, string]>([
    ["line feeds", BOUNDARY, "\n"],
    ["dashes", "-".repeat(70), "-"],
    ["delimiters of nothing", "a", "\n--a"],
    ["delimiters that are almost right", "a".repeat(70), `\n--${"a".repeat(69)}b`],
    ["empty parts", "a", "\r\n--a\r\n\r\n"],
    ["padding", "a", `\n--a${" ".repeat(10_000)}`],
    ["one head", "a", `\n--a\nContent-Disposition: form-data${";".repeat(1024 ** 2)}`],
    ["heads as long as are read", "a", `\n--a\nContent-Disposition:${";=".repeat(LONGEST_HEAD / 2 - 20)}\n\n`],
    ["folded heads", "a", `\n--a\nContent-Disposition:${"\r\n ".repeat(LONGEST_HEAD / 3 - 20)}\n\n`],
  ])("passes over megabytes of %s in linear time", (_name, boundary, text) => {
    const body = Buffer.alloc(MEGABYTES, text);
    const startedAt = process.cpuUsage();
    readMultipart(`multipart/form-data; boundary=${boundary}`, body, true);
    const { user, system } = process.cpuUsage(startedAt);
    // Linear ways take less than 30 ms; quadratic ones minutes.
    expect((user + system) / 1000).toBeLessThan(3000);
  });
});
