/** Sorting of a result's rows. Knows nothing of the page. */

import type { Value } from "../api/types";
import { asNode, captionOf, textOf } from "./values";

export interface Order {
  column: number;
  descending: boolean;
}

/** The rows' places in the wanted order; null leaves them as the server gave them. Equal rows keep theirs. */
export function sorted(rows: readonly Value[][], order: Order | null, language: string): number[] {
  const places = rows.map((_, place) => place);
  if (order === null) return places;
  const collator = new Intl.Collator(language, { numeric: true, sensitivity: "base" });
  const cell = (place: number) => rows[place]?.[order.column] ?? null;
  const sign = order.descending ? -1 : 1;
  return places.sort((a, b) => {
    const [left, right] = [cell(a), cell(b)];
    // Missing values stand last in both directions: nobody sorts to look at them.
    if (left === null || right === null) return Number(left === null) - Number(right === null);
    return sign * compare(left, right, collator);
  });
}

/** Numbers before texts; numbers and truth values by size, all else as the language sorts its text. */
export function compare(left: Value, right: Value, collator: Intl.Collator): number {
  const [a, b] = [rank(left), rank(right)];
  if (a !== b) return a - b;
  if (a === 0) return Number((left as number) > (right as number)) - Number((left as number) < (right as number));
  return collator.compare(key(left), key(right));
}

/** The order after a click on a column's head: ascending, descending, then as the server gave it. */
export function nextOrder(order: Order | null, column: number): Order | null {
  if (order?.column !== column) return { column, descending: false };
  return order.descending ? null : { column, descending: true };
}

function rank(value: Value): number {
  return typeof value === "number" || typeof value === "bigint" || typeof value === "boolean" ? 0 : 1;
}

function key(value: Value): string {
  const node = asNode(value);
  return node ? captionOf(node) : textOf(value);
}
