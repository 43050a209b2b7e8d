import { expect, test } from "vitest";

import { parseJson, writeJson } from "../src/api/json";

test.runIf("rawJSON" in JSON)("integers beyond 2^53 stay exact", () => {
  const text = '{"big": 9007199254740993, "rows": [1, -9223372036854775808]}';
  expect(writeJson(parseJson(text))).toBe(text);
});

test("other numbers, texts and missing values are read and written as they are", () => {
  const text = '{"a": 1.5, "b": "9007199254740993", "c": null, "d": [true, 1e-7]}';
  expect(writeJson(parseJson(text))).toBe(text);
});
