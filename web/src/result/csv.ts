/** A result as text for spreadsheets, safe to open in one. Knows nothing of the page. */

import type { Value } from "../api/types";
import { textOf } from "./values";

/** What a spreadsheet may take for a formula: also full-width forms, and after blanks or quotes. */
const FORMULA = /^[\s"']*[=+\-@\t\r|＝＋－＠]/u;

/** The rows as CSV (RFC 4180), the columns' names first, with a byte order mark so that spreadsheets read UTF-8. */
export function toCsv(columns: readonly string[], rows: readonly Value[][]): string {
  return "\uFEFF" + lines(columns, rows, ",").join("\r\n") + "\r\n";
}

/** The rows as tab-separated text, which spreadsheets take from the clipboard. */
export function toTabs(columns: readonly string[], rows: readonly Value[][]): string {
  return lines(columns, rows, "\t").join("\n");
}

/**
 * One cell. Text that a spreadsheet would run as a formula gets an apostrophe in front, which spreadsheets
 * show as text; numbers stay numbers, negative ones too.
 */
export function cellText(value: Value, separator: string): string {
  const isNumber = typeof value === "number" || typeof value === "bigint";
  const text = textOf(value);
  const safe = !isNumber && FORMULA.test(text) ? `'${text}` : text;
  return safe.includes(separator) || /["\r\n\t]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function lines(columns: readonly string[], rows: readonly Value[][], separator: string): string[] {
  return [columns, ...rows].map((row) => row.map((cell) => cellText(cell, separator)).join(separator));
}
