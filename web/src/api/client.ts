/** The server's answers as promises. Knows the addresses and the token; knows nothing of the page. */

import { eventsOf } from "./events";
import { parseJson } from "./json";
import type { Answer, Example, Schema, Value, Weights } from "./types";

/** What went wrong, as one line for the user: the server's own words, or a kind that the page has words for. */
export class Failure extends Error {
  constructor(
    readonly kind: "refused" | "unreachable" | "broken" | "token",
    message = "",
  ) {
    super(message);
  }
}

/** Asked for when the server wants a token; `rejected` says that the last one was wrong. Null gives up. */
export type TokenPrompt = (rejected: boolean) => Promise<string | null>;

/** What a question's answer tells before it is there. */
export interface Progress {
  stage(name: string): void;
  cypher(text: string): void;
  weights(weights: Weights): void;
}

const TOKEN = "polycypher.token";

export class Client {
  private prompting: Promise<string | null> | null = null;

  constructor(
    private readonly prompt: TokenPrompt,
    /** The language that the user reads now, in which the server tells its notices. */
    private readonly reads: () => string,
    private readonly root = "./",
  ) {}

  async schema(): Promise<Schema> {
    return (await this.json("v1/schema")) as unknown as Schema;
  }

  async languages(): Promise<string[]> {
    const found = (await this.json("v1/languages")) as { languages?: Value };
    return (found.languages ?? []) as string[];
  }

  async examples(): Promise<Example[]> {
    const found = (await this.json("v1/examples")) as { examples?: Value };
    return (found.examples ?? []) as unknown as Example[];
  }

  /** Run a query of the user's own. */
  async run(cypher: string, signal: AbortSignal): Promise<Answer> {
    return answerOf(await this.json("v1/run", { cypher }, signal));
  }

  /** Ask; `progress` hears of stages, weights and the query's text where the server streams. */
  async ask(question: string, language: string, progress: Progress, signal: AbortSignal): Promise<Answer> {
    const stream = typeof ReadableStream === "function";
    const response = await this.fetch("v1/ask", { question, language, stream }, signal);
    if (!response.headers.get("content-type")?.startsWith("text/event-stream") || !response.body)
      return answerOf(await read(response));
    try {
      for await (const event of eventsOf(response.body)) {
        const data = parseJson(event.data) as Record<string, Value>;
        if (event.name === "stage") progress.stage(String(data["stage"]));
        if (event.name === "token" || event.name === "cypher") progress.cypher(String(data["cypher"]));
        if (event.name === "weights") progress.weights(data["weights"] as Weights);
        if (event.name === "error") throw new Failure("refused", lineOf(data));
        if (event.name === "answer") return answerOf(data);
      }
    } catch (error) {
      if (error instanceof SyntaxError) throw new Failure("broken");
      throw known(error);
    }
    throw new Failure("broken");
  }

  private async json(path: string, body?: Record<string, Value>, signal?: AbortSignal): Promise<Value> {
    return read(await this.fetch(path, body, signal));
  }

  private async fetch(path: string, body?: Record<string, Value>, signal?: AbortSignal): Promise<Response> {
    for (let rejected = false; ; rejected = true) {
      const used = sessionStorage.getItem(TOKEN);
      const response = await this.once(path, used, body, signal);
      if (response.status !== 401) {
        if (response.ok) return response;
        throw new Failure("refused", await refusalOf(response));
      }
      // Another request may have got a new token while this one was under way.
      if (sessionStorage.getItem(TOKEN) !== used) continue;
      this.prompting ??= this.prompt(rejected || used !== null).finally(() => (this.prompting = null));
      const token = await this.prompting;
      if (token === null) throw new Failure("token");
      sessionStorage.setItem(TOKEN, token);
    }
  }

  private async once(path: string, token: string | null, body?: object, signal?: AbortSignal): Promise<Response> {
    const headers: Record<string, string> = { Accept: "application/json", "Accept-Language": this.reads() };
    if (token !== null) headers["Authorization"] = `Bearer ${token}`;
    const init: RequestInit = { headers, credentials: "same-origin", cache: "no-store" };
    if (signal) init.signal = signal;
    if (body) {
      headers["Content-Type"] = "application/json";
      init.method = "POST";
      init.body = JSON.stringify(body);
    }
    try {
      return await fetch(this.root + path, init);
    } catch (error) {
      throw known(error);
    }
  }
}

/** `error` as it is when the user stopped the request or it is known; otherwise the connection failed. */
function known(error: unknown): unknown {
  const stopped = error instanceof DOMException && error.name === "AbortError";
  return stopped || error instanceof Failure ? error : new Failure("unreachable");
}

async function read(response: Response): Promise<Value> {
  try {
    return parseJson(await response.text());
  } catch (error) {
    throw error instanceof SyntaxError ? new Failure("broken") : known(error);
  }
}

async function refusalOf(response: Response): Promise<string> {
  const text = await response.text().catch(() => "");
  try {
    return lineOf(parseJson(text)) || `${response.status} ${response.statusText}`;
  } catch {
    return `${response.status} ${response.statusText}`;
  }
}

/** The one line in an error's JSON: `{"error": {"message": …}}`. */
export function lineOf(value: Value): string {
  if (typeof value === "string") return value;
  if (value === null || typeof value !== "object" || Array.isArray(value)) return "";
  return lineOf(value["error"] ?? value["message"] ?? value["detail"] ?? "");
}

function answerOf(value: Value): Answer {
  const answer = value as unknown as Answer;
  if (!answer || !Array.isArray(answer.rows) || !Array.isArray(answer.columns)) throw new Failure("broken");
  return { ...answer, notices: answer.notices ?? [] };
}
