/** Server-sent events out of the body of a `fetch`, which `EventSource` (GET only) cannot read. */

export interface ServerEvent {
  name: string;
  data: string;
}

/** Takes a stream's text piece by piece and gives the events that are complete. */
export class EventParser {
  private pending = "";
  private name = "";
  private data: string[] = [];

  /** The events that `text` completes, in order. A line may be cut anywhere between two calls. */
  push(text: string): ServerEvent[] {
    const lines = (this.pending + text).split(/\r\n|\n|\r(?!$)/);
    this.pending = lines.pop() ?? "";
    return lines.flatMap((line) => this.line(line));
  }

  private line(line: string): ServerEvent[] {
    if (line === "") {
      const event = { name: this.name || "message", data: this.data.join("\n") };
      const whole = this.data.length > 0;
      this.name = "";
      this.data = [];
      return whole ? [event] : [];
    }
    const [, field, value = ""] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
    if (field === "event") this.name = value;
    if (field === "data") this.data.push(value);
    return [];
  }
}

/** Every event of a response's body. */
export async function* eventsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  const parser = new EventParser();
  const decoder = new TextDecoder();
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      yield* parser.push(done ? decoder.decode() + "\n\n" : decoder.decode(value, { stream: true }));
      if (done) return;
    }
  } finally {
    await reader.cancel();
  }
}
