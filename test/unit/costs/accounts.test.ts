import { describe, expect, test } from "vitest";
import { Accounts } from "../../../src/costs/accounts.ts";

const dues = (accounts: Accounts, payer: string, most = 0) => Object.fromEntries(accounts.collect(payer, most));

describe("Accounts", () => {
  test("adds up what a payer owes of each key, until it is collected", () => {
    const accounts = new Accounts();
    accounts.owe("a", "tokens", 3);
    accounts.owe("b", "tokens", 10);
    accounts.owe("a", "tokens", 4);
    accounts.owe("a", "price", 1);
    expect(dues(accounts, "a")).toEqual({ tokens: 7, price: 1 });
    expect(dues(accounts, "a")).toEqual({});
    expect(dues(accounts, "b")).toEqual({ tokens: 10 });
    expect(accounts.payers).toBe(0);
  });

  test("has a request carry no more than it is told, and the next ones the rest", () => {
    const accounts = new Accounts();
    accounts.owe("a", "tokens", 25);
    expect([1, 2, 3, 4].map(() => dues(accounts, "a", 10))).toEqual([
      { tokens: 10 },
      { tokens: 10 },
      { tokens: 5 },
      {},
    ]);
  });

  test("keeps no account of what costs nothing", () => {
    const accounts = new Accounts();
    accounts.owe("a", "tokens", 0);
    expect(accounts.payers).toBe(0);
  });

  test("forgets whom it heard of the longest ago, however many names clients make up", () => {
    const accounts = new Accounts();
    accounts.owe("first", "tokens", 1);
    accounts.owe("second", "tokens", 1);
    accounts.owe("first", "tokens", 1);
    for (let i = 0; i < 9_999; i++) accounts.owe(`made up ${i}`, "tokens", 1);
    expect(accounts.payers).toBe(10_000);
    expect(dues(accounts, "second")).toEqual({});
    expect(dues(accounts, "first")).toEqual({ tokens: 2 });
  });
});
