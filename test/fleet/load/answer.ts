export interface Answer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** The connection may carry another request. */
  readonly reusable: boolean;
  /** Bytes that followed the answer: an honest server sends none. */
  readonly extra: number;
}

interface Head {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly keep: boolean;
}

/** Reads one HTTP/1 answer to a GET or POST from the bytes as they come. Throws a sentence where they are not HTTP. */
export class AnswerReader {
  #bytes: Buffer = Buffer.alloc(0);
  #head: Head | null = null;

  /** Some byte of the answer has come. */
  get started(): boolean {
    return this.#head !== null || this.#bytes.length > 0;
  }

  /** The whole answer, once it is there. */
  take(chunk: Buffer): Answer | null {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    while (this.#head === null) {
      const end = this.#bytes.indexOf('\r\n\r\n');
      if (end < 0) {
        if (this.#bytes.length > 65_536) throw new Error('a head of more than 64 KiB');
        return null;
      }
      const head = headOf(this.#bytes.toString('latin1', 0, end));
      this.#bytes = this.#bytes.subarray(end + 4);
      // 100 and its kind come before the answer.
      if (head.status >= 200) this.#head = head;
    }
    const { status, headers } = this.#head;
    if (status === 204 || status === 304) return this.#whole(Buffer.alloc(0), 0, true);
    if (headers['transfer-encoding'] === 'chunked') {
      const found = chunksOf(this.#bytes);
      return found && this.#whole(found.body, found.length, true);
    }
    const length = headers['content-length'];
    if (length === undefined) return null;
    if (!/^\d+$/.test(length)) throw new Error(`Content-Length: ${length}`);
    if (this.#bytes.length < Number(length)) return null;
    return this.#whole(this.#bytes.subarray(0, Number(length)), Number(length), true);
  }

  /** The server has closed its side: the answer, where that is how its body ends. */
  ended(): Answer | null {
    const headers = this.#head?.headers;
    if (headers === undefined || 'content-length' in headers || 'transfer-encoding' in headers) return null;
    return this.#whole(this.#bytes, this.#bytes.length, false);
  }

  #whole(body: Buffer, length: number, reusable: boolean): Answer {
    const { status, headers, keep } = this.#head!;
    return { status, headers, body, reusable: reusable && keep, extra: this.#bytes.length - length };
  }
}

function headOf(text: string): Head {
  const [first, ...lines] = text.split('\r\n');
  const match = /^HTTP\/1\.([01]) (\d{3})(?: |$)/.exec(first!);
  if (match === null) throw new Error(`an answer that begins with ${JSON.stringify(first!.slice(0, 60))}`);
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon <= 0) throw new Error(`a header ${JSON.stringify(line.slice(0, 60))}`);
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  const connection = (headers.connection ?? '').toLowerCase();
  return { status: Number(match[2]), headers, keep: match[1] === '1' ? connection !== 'close' : false };
}

function chunksOf(bytes: Buffer): { body: Buffer; length: number } | null {
  const parts: Buffer[] = [];
  for (let at = 0; ;) {
    const end = bytes.indexOf('\r\n', at);
    if (end < 0) return null;
    const size = Number.parseInt(bytes.toString('latin1', at, end), 16);
    if (!(size >= 0)) throw new Error('a chunk without its size');
    at = end + 2 + size + 2;
    if (bytes.length < at) return null;
    if (size === 0) return { body: Buffer.concat(parts), length: at };
    parts.push(bytes.subarray(end + 2, end + 2 + size));
  }
}
