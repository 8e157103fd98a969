import { expect, test } from "vitest";
import { isLabelSelector } from "../../../src/config/kubernetes-names.ts";

test.each([
  "app",
  "!app",
  "app=vllm",
  "app==vllm",
  "app=",
  "app!=vllm",
  " app = vllm , tier=gold",
  "example.com/app=vllm",
  "tier in (gold, silver),app notin (a)",
  "tier in (gold,)",
])("isLabelSelector takes %j", (text) => {
  expect(isLabelSelector(text)).toBe(true);
});

test.each([
  "",
  "app in vllm",
  "app===vllm",
  "app=vllm,",
  ",app",
  "app=a b",
  "-app=vllm",
  "app=vllm-",
  "app in (a",
  "a/b/c=d",
  `app=${"x".repeat(5000)}`,
  `${"a,".repeat(2000)}=`,
])("isLabelSelector refuses %j", (text) => {
  expect(isLabelSelector(text)).toBe(false);
});
