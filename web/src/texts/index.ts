/** Which of the page's languages is shown: the one chosen before, else the browser's first that we have. */

import { en, type Texts } from "./en";
import { es } from "./es";
import { tr } from "./tr";

export type { Texts };

/** Every language of the page, by its BCP 47 code. */
export const TEXTS: Record<string, Texts> = { en, es, tr };

const CHOSEN = "polycypher.language";

/** The first of `wanted` (such as `es-MX`) that the page has; English if none. */
export function pick(wanted: readonly string[]): string {
  const codes = wanted.map((tag) => tag.toLowerCase().split("-")[0] ?? "");
  return codes.find((code) => Object.hasOwn(TEXTS, code)) ?? "en";
}

/** The language to begin with. */
export function firstLanguage(): string {
  return pick([localStorage.getItem(CHOSEN) ?? "", ...navigator.languages]);
}

/** Keep the user's choice for the next visit. */
export function keepLanguage(code: string): void {
  localStorage.setItem(CHOSEN, code);
}

/** The texts of a language. */
export function textsOf(code: string): Texts {
  return TEXTS[code] ?? en;
}

/** A language's own name in the page's language, its code where the browser does not know it. */
export function languageName(code: string, page: string): string {
  try {
    const name = new Intl.DisplayNames([page], { type: "language" }).of(code) ?? code;
    return name.charAt(0).toLocaleUpperCase(page) + name.slice(1);
  } catch {
    return code;
  }
}
