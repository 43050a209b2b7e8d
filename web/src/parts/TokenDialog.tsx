/** Asks for the server's token. */

import { useEffect, useRef, useState } from "preact/hooks";

import { useTexts } from "./language";

interface Props {
  rejected: boolean;
  onDone(token: string | null): void;
}

export function TokenDialog({ rejected, onDone }: Props) {
  const texts = useTexts();
  const dialog = useRef<HTMLDialogElement>(null);
  const [token, setToken] = useState("");
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog
      ref={dialog}
      class="token"
      aria-labelledby="token-heading"
      aria-describedby="token-lead"
      onCancel={(event) => {
        event.preventDefault();
        onDone(null);
      }}
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (token.trim()) onDone(token.trim());
        }}
      >
        <h2 id="token-heading">{texts.token.heading}</h2>
        <p id="token-lead">{texts.token.lead}</p>
        {rejected && (
          <p class="alert" role="alert">
            {texts.token.wrong}
          </p>
        )}
        <label for="token">{texts.token.label}</label>
        <input
          id="token"
          type="password"
          autocomplete="off"
          spellcheck={false}
          required
          value={token}
          onInput={(event) => setToken(event.currentTarget.value)}
        />
        <div class="row end">
          <button type="button" class="quiet" onClick={() => onDone(null)}>
            {texts.token.cancel}
          </button>
          <button type="submit" class="primary">
            {texts.token.submit}
          </button>
        </div>
      </form>
    </dialog>
  );
}
