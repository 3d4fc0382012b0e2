/** Server-sent events (WHATWG HTML, section 9.2): written by the service, read by the client. */

/** A message on the wire. `id` is one word; `data` has no line breaks (JSON has none). */
export const streamText = (id: string, data: string): string => `id: ${id}\ndata: ${data}\n\n`;

/** Says nothing, and keeps what lies between from closing a quiet line. */
export const HEARTBEAT = ':\n\n';

export interface Streamed {
  /** The last id that was told: what to go on after. */
  readonly id: string;
  readonly data: string;
}

/** Characters of one message from which on the stream is taken for something else. */
const LONGEST = 4_000_000;

/** Reads a stream, in whatever pieces it comes. Throws `RangeError` for a message without an end. */
export class StreamReader {
  #rest = '';
  #id = '';
  #data: string[] = [];
  #size = 0;

  /** The messages that this piece completes. */
  read(piece: string): Streamed[] {
    const found: Streamed[] = [];
    const lines = (this.#rest + piece).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const ended of lines) {
      const line = ended.endsWith('\r') ? ended.slice(0, -1) : ended;
      if (line === '') {
        if (this.#data.length > 0) found.push({ id: this.#id, data: this.#data.join('\n') });
        this.#data = [];
        this.#size = 0;
        continue;
      }
      const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
      if (field === 'id' && !value.includes('\0')) this.#id = value;
      if (field === 'data') this.#data.push(value);
      this.#size += line.length;
    }
    if (this.#rest.length + this.#size > LONGEST) throw new RangeError('a message without an end');
    return found;
  }
}
