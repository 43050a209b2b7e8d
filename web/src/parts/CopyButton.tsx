/** A button that copies text and says that it did. */

import { useEffect, useState } from "preact/hooks";

import { useTexts } from "./language";

interface Props {
  text(): string;
  label: string;
  /** Shown on the button if it is shorter than the label. */
  short?: string;
}

export function CopyButton({ text, label, short }: Props) {
  const texts = useTexts();
  const [outcome, setOutcome] = useState<"done" | "failed" | null>(null);
  useEffect(() => {
    if (outcome === null) return;
    const timer = setTimeout(() => setOutcome(null), 2500);
    return () => clearTimeout(timer);
  }, [outcome]);
  return (
    <>
      <button
        type="button"
        class="quiet"
        aria-label={label}
        onClick={() => void copy(text()).then((copied) => setOutcome(copied ? "done" : "failed"))}
      >
        {outcome === "done" ? texts.copy.done : (short ?? label)}
      </button>
      <span class="visually-hidden" role="status">
        {outcome === "done" ? texts.copy.done : outcome === "failed" ? texts.copy.failed : ""}
      </span>
      {outcome === "failed" && <span class="hint">{texts.copy.failed}</span>}
    </>
  );
}

/** Whether the text reached the clipboard; over plain HTTP only the browser's older way is there. */
async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

function copyBySelection(text: string): boolean {
  const focused = document.activeElement;
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  const copied = document.execCommand("copy");
  area.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return copied;
}
