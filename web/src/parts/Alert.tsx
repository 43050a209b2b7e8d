/** A failure as one clear line. */

import { Failure } from "../api/client";
import type { Texts } from "../texts";
import { useTexts } from "./language";

/** The line for a failure: the server's own words where it said something. */
export function lineFor(failure: Failure | "stopped", texts: Texts): string {
  if (failure === "stopped") return texts.errors.stopped;
  if (failure.kind === "refused") return failure.message;
  return texts.errors[failure.kind];
}

export function Alert({ failure }: { failure: Failure | "stopped" }) {
  const texts = useTexts();
  const line = lineFor(failure, texts);
  if (failure === "stopped")
    return (
      <p class="note" role="status">
        {line}
      </p>
    );
  return (
    <div class="alert" role="alert">
      <strong>{texts.errors.heading}</strong>
      <span lang={failure.kind === "refused" ? "en" : undefined}>{line}</span>
    </div>
  );
}
