/** The page's language, for every part below the one that provides it. */

import { createContext } from "preact";
import { useContext } from "preact/hooks";

import { textsOf, type Texts } from "../texts";

export const Language = createContext("en");

/** The page's texts. */
export function useTexts(): Texts {
  return textsOf(useContext(Language));
}

/** The page's language as a BCP 47 code. */
export function useLanguage(): string {
  return useContext(Language);
}
