/** What was asked in this browser, newest first: questions and queries, never rows. */

export interface Entry {
  /** Milliseconds since 1970; also tells entries apart. */
  at: number;
  question?: string;
  /** The language that was chosen, `auto` if none. */
  language: string;
  cypher: string;
  rows: number;
}

const KEY = "polycypher.history";
const MOST = 50;

/** The entries kept; none if the store is unreadable. */
export function readHistory(store: Storage = localStorage): Entry[] {
  try {
    const found: unknown = JSON.parse(store.getItem(KEY) ?? "[]");
    return Array.isArray(found) ? found.filter(isEntry).slice(0, MOST) : [];
  } catch {
    return [];
  }
}

/** `entries` with `entry` in front, without an older one of the same question and query. */
export function withEntry(entries: readonly Entry[], entry: Entry): Entry[] {
  const others = entries.filter((old) => old.question !== entry.question || old.cypher !== entry.cypher);
  return [entry, ...others].slice(0, MOST);
}

/** Keep the entries; none removes every trace. A full or forbidden store is no error: history is a comfort. */
export function keepHistory(entries: readonly Entry[], store: Storage = localStorage): void {
  try {
    if (entries.length) store.setItem(KEY, JSON.stringify(entries));
    else store.removeItem(KEY);
  } catch {
    return;
  }
}

function isEntry(value: unknown): value is Entry {
  const entry = value as Entry | null;
  return (
    typeof entry === "object" &&
    entry !== null &&
    typeof entry.at === "number" &&
    typeof entry.cypher === "string" &&
    typeof entry.language === "string" &&
    typeof entry.rows === "number" &&
    (entry.question === undefined || typeof entry.question === "string")
  );
}
