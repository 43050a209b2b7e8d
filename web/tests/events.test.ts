import { expect, test } from "vitest";

import { EventParser } from "../src/api/events";

const STREAM = 'event: stage\ndata: {"stage":"decode"}\n\n: ping\r\n\r\nevent: cypher\r\ndata: one\r\ndata: two\r\n\r\ndata:bare\n\n';
const EVENTS = [
  { name: "stage", data: '{"stage":"decode"}' },
  { name: "cypher", data: "one\ntwo" },
  { name: "message", data: "bare" },
];

test("events are named, and several data lines are one text", () => {
  expect(new EventParser().push(STREAM)).toEqual(EVENTS);
});

test("a stream may be cut anywhere", () => {
  for (let cut = 0; cut <= STREAM.length; cut++) {
    const parser = new EventParser();
    const events = [...parser.push(STREAM.slice(0, cut)), ...parser.push(STREAM.slice(cut))];
    expect(events, `cut at ${cut}`).toEqual(EVENTS);
  }
});

test("an event that is not ended is not given", () => {
  expect(new EventParser().push('event: answer\ndata: {"rows"')).toEqual([]);
});
