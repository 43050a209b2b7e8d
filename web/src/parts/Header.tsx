/** The page's head: name, views, language. */

import { TEXTS } from "../texts";
import { CONTENT, VIEWS, type View } from "../views/names";
import { useTexts } from "./language";

interface Props {
  view: View;
  page: string;
  onPage(code: string): void;
}

export function Header({ view, page, onPage }: Props) {
  const texts = useTexts();
  return (
    <header class="page-head">
      <a class="skip" href={`#${CONTENT}`} onClick={skip}>
        {texts.skip}
      </a>
      <a class="brand" href="#ask">
        <img src="./favicon.svg" alt="" width="28" height="28" />
        <span translate={false}>polycypher</span>
      </a>
      <nav aria-label={texts.views.label}>
        {VIEWS.map((name) => (
          <a key={name} href={`#${name}`} aria-current={name === view ? "page" : undefined}>
            {texts.views[name]}
          </a>
        ))}
      </nav>
      <div class="segments languages" role="group" aria-label={texts.pageLanguage}>
        {Object.entries(TEXTS).map(([code, { name }]) => (
          <button
            key={code}
            type="button"
            lang={code}
            aria-label={`${code.toUpperCase()} – ${name}`}
            title={name}
            aria-pressed={code === page}
            onClick={() => onPage(code)}
          >
            {code.toUpperCase()}
          </button>
        ))}
      </div>
    </header>
  );
}

/** Bring the focus to what the view is for, without a change of address. */
function skip(event: Event): void {
  event.preventDefault();
  document.querySelector<HTMLElement>(`#${CONTENT} :is(textarea, button, [tabindex='0'])`)?.focus();
}
