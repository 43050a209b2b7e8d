import { expect, test } from "vitest";

import { cellText, toCsv, toTabs } from "../src/result/csv";

test.each(["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", '"=1', "|calc", "＝1", "＠x"])(
  "text that a spreadsheet may run is kept from running: %j",
  (text) => expect(cellText(text, ",")).toMatch(/^"?'/),
);

test("numbers stay numbers, negative ones too", () => {
  expect([-1, -1.5, 12345678901234567890n].map((value) => cellText(value, ","))).toEqual([
    "-1",
    "-1.5",
    "12345678901234567890",
  ]);
});

test("separators, quotes and line ends are quoted", () => {
  const csv = toCsv(["a,b", "c"], [['say "hi"', "two\nlines"], [null, "plain"]]);
  expect(csv).toBe('\uFEFF"a,b",c\r\n"say ""hi""","two\nlines"\r\n,plain\r\n');
});

test("a column's name and a node's property are guarded like any text", () => {
  const node = { id: "1", labels: ["A"], properties: { x: "=1" } };
  expect(toTabs(["=1"], [[node], [["=2"]]])).toBe("'=1\n\"(:A {\"\"x\"\": \"\"=1\"\"})\"\n'=2");
});
