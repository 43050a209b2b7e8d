/** JSON as a graph needs it: 64-bit integers stay exact. */

import type { Value } from "./types";

type Reviver = (this: unknown, key: string, value: unknown, context?: { source?: string }) => unknown;

const exact: Reviver = (_key, value, context) => {
  const isLong = typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value);
  // Browsers without the source text of a number keep the nearest double.
  return isLong && context?.source && /^-?\d+$/.test(context.source) ? BigInt(context.source) : value;
};

/** Parse `text`; integers beyond 2^53 become `bigint`. Raises SyntaxError for anything that is no JSON. */
export function parseJson(text: string): Value {
  return JSON.parse(text, exact as (key: string, value: unknown) => unknown) as Value;
}

/** Write a value as JSON; a `bigint` is written as the integer that it is. */
export function writeJson(value: Value): string {
  if (typeof value === "bigint") return value.toString();
  if (Array.isArray(value)) return `[${value.map(writeJson).join(", ")}]`;
  if (value !== null && typeof value === "object") {
    const parts = Object.entries(value).map(([name, part]) => `${JSON.stringify(name)}: ${writeJson(part)}`);
    return `{${parts.join(", ")}}`;
  }
  return JSON.stringify(value);
}
