import { describe, expect, test } from "vitest";
import { BackendBook } from "../../../src/backends/backend-book.ts";
import { backendOf, saying } from "../../support/small-backends.ts";

describe("BackendBook", () => {
  const book = new BackendBook(
    [backendOf("a"), backendOf("ns/b", { translator: saying, setHeaders: [["x-one", "1"]], removeHeaders: ["x-two"] })],
    ["x-own", "authorization"],
  );

  test("finds a backend by its name, also where a gateway says the route behind it", () => {
    expect(book.find("a")?.name).toBe("a");
    expect(book.find("ns/b/route/r/rule/0/ref/1")?.name).toBe("ns/b");
    expect([book.find("ns/b/rule/0"), book.find(""), book.find("c")]).toEqual([undefined, undefined, undefined]);
  });

  test("knows each name that any of them may set or remove, once", () => {
    const { settable } = book;
    expect(settable).toEqual(expect.arrayContaining(["authorization", "x-say-version", "x-one", "x-two", "x-own"]));
    expect(new Set(settable).size).toBe(settable.length);
  });

  test("keeps the client's authorization only where one of them gets it", () => {
    expect(book.keepsAuthorization).toBe(false);
    expect(new BackendBook([backendOf("a"), backendOf("b", { keepsAuthorization: true })]).keepsAuthorization).toBe(
      true,
    );
  });
});
