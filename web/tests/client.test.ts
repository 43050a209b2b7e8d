import { afterEach, expect, test, vi } from "vitest";

import { Client } from "../src/api/client";

afterEach(() => vi.unstubAllGlobals());

test("requests name the language that the user reads at that time", async () => {
  const sent: unknown[] = [];
  vi.stubGlobal("sessionStorage", { getItem: () => null });
  vi.stubGlobal("fetch", (address: string, init: RequestInit) => {
    sent.push([address, new Headers(init.headers).get("accept-language")]);
    return Promise.resolve(new Response('{"columns": [], "rows": []}', { headers: { "content-type": "application/json" } }));
  });
  let reads = "es";
  const client = new Client(
    () => Promise.resolve(null),
    () => reads,
  );
  const progress = { stage: () => {}, cypher: () => {}, weights: () => {} };
  await client.ask("¿Cuántas?", "auto", progress, new AbortController().signal);
  reads = "tr";
  await client.run("RETURN 1", new AbortController().signal);
  await client.schema();
  expect(sent).toEqual([
    ["./v1/ask", "es"],
    ["./v1/run", "tr"],
    ["./v1/schema", "tr"],
  ]);
});
