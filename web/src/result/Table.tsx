/** Rows as a table that is sorted by its heads. */

import { useMemo, useState } from "preact/hooks";

import type { Value } from "../api/types";
import { useLanguage, useTexts } from "../parts/language";
import { Cell } from "./Cell";
import { nextOrder, sorted, type Order } from "./sorting";

const STEP = 100;

interface Props {
  columns: string[];
  rows: Value[][];
}

export function Table({ columns, rows }: Props) {
  const texts = useTexts();
  const page = useLanguage();
  const [order, setOrder] = useState<Order | null>(null);
  const [shown, setShown] = useState(STEP);
  const places = useMemo(() => sorted(rows, order, page), [rows, order, page]);
  const left = Math.min(STEP, rows.length - shown);
  const numeric = columns.map((_, column) => rows.every((row) => isNumber(row[column] ?? null)));
  return (
    <>
      <div class="table-frame" tabIndex={0} role="region" aria-label={texts.result.table}>
        <table class={rows.length === 1 && columns.length === 1 ? "single" : ""} translate={false}>
          <thead>
            <tr>
              {columns.map((name, column) => {
                const direction =
                  order?.column !== column ? "none" : order.descending ? "descending" : "ascending";
                return (
                  <th key={column} scope="col" aria-sort={direction} class={numeric[column] ? "number" : ""}>
                    <button
                      type="button"
                      title={texts.result.sort(name)}
                      onClick={() => setOrder(nextOrder(order, column))}
                    >
                      {name}
                      <span class="arrow" aria-hidden="true" />
                    </button>
                  </th>
                );
              })}
            </tr>
          </thead>
          <tbody>
            {places.slice(0, shown).map((place) => (
              <tr key={place}>
                {columns.map((_, column) => (
                  <td key={column} class={numeric[column] ? "number" : ""}>
                    <div class="cell">
                      <Cell value={rows[place]?.[column] ?? null} />
                    </div>
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {left > 0 && (
        <button type="button" class="quiet more" onClick={() => setShown(shown + STEP)}>
          {texts.result.more(left)}
        </button>
      )}
    </>
  );
}

function isNumber(value: Value): boolean {
  return value === null || typeof value === "number" || typeof value === "bigint";
}
