/** How much each language's adapter took part, as bars. */

import type { Weights } from "../api/types";
import { languageName } from "../texts";
import { useLanguage, useTexts } from "./language";

export function WeightBars({ weights }: { weights: Weights }) {
  const texts = useTexts();
  const page = useLanguage();
  const digits = new Intl.NumberFormat(page, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  return (
    <section class="card weights" aria-labelledby="weights-heading">
      <h2 id="weights-heading">{texts.weights.heading}</h2>
      <ul>
        {Object.entries(weights).map(([code, weight]) => (
          <li key={code}>
            <span class="weight-name">{languageName(code, page)}</span>
            <span class="weight-number">{digits.format(weight)}</span>
            <span
              class="weight-track"
              role="meter"
              aria-label={languageName(code, page)}
              aria-valuemin={0}
              aria-valuemax={1}
              aria-valuenow={Number(weight.toFixed(2))}
            >
              <span class="weight-bar" style={{ width: `${100 * Math.min(1, Math.max(0, weight))}%` }} />
            </span>
          </li>
        ))}
      </ul>
      <p class="hint">{texts.weights.hint}</p>
    </section>
  );
}
