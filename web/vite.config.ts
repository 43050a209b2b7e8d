/** Builds the page into the Python package, the same bytes from the same sources. */

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

import { defineConfig, type Plugin } from "vite";

const here = fileURLToPath(new URL(".", import.meta.url));
/** What the build depends on; `tests/serving/test_page_build.py` reads the same list. */
const SOURCES = ["index.html", "package.json", "package-lock.json", "public", "src", "tsconfig.json", "vite.config.ts"];

function filesIn(path: string): string[] {
  try {
    return readdirSync(path).flatMap((name) => filesIn(join(path, name)));
  } catch {
    return [path];
  }
}

/** SHA-256 over every source's path and content, in the order of the paths. */
function fingerprint(): string {
  const hash = createHash("sha256");
  const files = SOURCES.flatMap((name) => filesIn(join(here, name)));
  const named = files.map((file) => [relative(here, file).split(sep).join("/"), file] as const);
  for (const [name, file] of named.sort(([a], [b]) => (a < b ? -1 : 1)))
    hash.update(name).update("\0").update(readFileSync(file)).update("\0");
  return hash.digest("hex");
}

/** Writes `build.json`, by which a test knows that the build is that of the sources. */
const record: Plugin = {
  name: "record-sources",
  generateBundle() {
    this.emitFile({
      type: "asset",
      fileName: "build.json",
      source: JSON.stringify({ sources: fingerprint() }, null, 2) + "\n",
    });
  },
};

export default defineConfig({
  base: "./",
  plugins: [record],
  build: {
    outDir: "../src/polycypher/serving/static",
    emptyOutDir: true,
    target: "es2023",
    // Inlined files would be data: addresses, which the server's content security policy forbids.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    license: { fileName: "LICENSES.txt" },
    chunkSizeWarningLimit: 800,
  },
  server: { proxy: { "/v1": process.env["POLYCYPHER_SERVER"] ?? "http://127.0.0.1:8765" } },
});
