/** How far an answer is: its stages in order, the present one marked. */

import { useTexts } from "./language";

const ORDER = ["prepare", "wait", "decode", "execute"];

export function Stages({ stage }: { stage: string | null }) {
  const texts = useTexts();
  const shown = stage !== null && !ORDER.includes(stage) && texts.stages[stage] ? [...ORDER, stage] : ORDER;
  const place = stage === null ? 0 : shown.indexOf(stage);
  return (
    <div class="stages card" role="status" aria-label={texts.stages["label"]}>
      <ol>
        {shown.map((name, index) => (
          <li
            key={name}
            class={index < place ? "past" : index === place ? "present" : "ahead"}
            aria-hidden={index === place ? undefined : "true"}
          >
            {texts.stages[name]}
          </li>
        ))}
      </ol>
    </div>
  );
}
