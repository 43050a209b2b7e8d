/** A vertex's caption, broken into lines that fit a circle. Knows nothing of the page. */

/** Letters a line holds: the middle of the circle is wider than its top and bottom. */
const ROOM: Record<number, number[]> = { 1: [10], 2: [9, 9], 3: [8, 10, 8] };

/** At most three lines; a word longer than a line is cut, and what does not fit ends in an ellipsis. */
export function linesOf(caption: string): string[] {
  const words = caption.trim().split(/\s+/);
  for (const room of Object.values(ROOM)) {
    const lines = fill(words, room);
    if (lines) return lines;
  }
  return cut(caption.trim(), ROOM[3] ?? []);
}

function fill(words: readonly string[], room: readonly number[]): string[] | null {
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.length - 1;
    const joined = `${lines[last] ?? ""} ${word}`;
    if (last >= 0 && lengthOf(joined) <= (room[last] ?? 0)) lines[last] = joined;
    else if (lengthOf(word) <= (room[last + 1] ?? 0)) lines.push(word);
    else return null;
  }
  return lines;
}

function cut(caption: string, room: readonly number[]): string[] {
  const letters = [...caption];
  const lines: string[] = [];
  for (const length of room) {
    while (letters[0] === " ") letters.shift();
    if (!letters.length) break;
    const blank = letters.slice(0, length + 1).lastIndexOf(" ");
    const fits = letters.length <= length;
    lines.push(letters.splice(0, fits ? length : blank > 0 ? blank : length).join(""));
  }
  const last = lines.length - 1;
  if (letters.length) lines[last] = [...(lines[last] ?? "")].slice(0, (room[last] ?? 1) - 1).join("").trimEnd() + "…";
  return lines;
}

function lengthOf(text: string): number {
  return [...text].length;
}
