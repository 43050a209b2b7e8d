/** A row of tabs, one of which is chosen; arrow keys go from one to the next (WAI-ARIA tabs). */

import { useRef } from "preact/hooks";

interface Props<Name extends string> {
  label: string;
  tabs: [name: Name, text: string][];
  chosen: Name;
  /** The id of the panel that the tabs rule. */
  panel: string;
  onChoose(name: Name): void;
}

export function Tabs<Name extends string>({ label, tabs, chosen, panel, onChoose }: Props<Name>) {
  const list = useRef<HTMLDivElement>(null);

  function walk(event: KeyboardEvent): void {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    const here = tabs.findIndex(([name]) => name === chosen);
    const next = (here + step + tabs.length) % tabs.length;
    const name = tabs[next]?.[0];
    if (name === undefined) return;
    onChoose(name);
    list.current?.querySelectorAll<HTMLElement>("[role=tab]")[next]?.focus();
    event.preventDefault();
  }

  return (
    <div class="segments" role="tablist" aria-label={label} ref={list} onKeyDown={walk}>
      {tabs.map(([name, text]) => (
        <button
          key={name}
          type="button"
          role="tab"
          id={`${panel}-${name}`}
          aria-selected={name === chosen}
          aria-controls={panel}
          tabIndex={name === chosen ? 0 : -1}
          onClick={() => onChoose(name)}
        >
          {text}
        </button>
      ))}
    </div>
  );
}
