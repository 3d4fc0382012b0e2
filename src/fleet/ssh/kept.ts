import { StringDecoder } from 'node:string_decoder';

/** Facts must be whole: a command that prints more is stopped rather than cut. */
export const LONGEST_OUTPUT = 16 * 1024 * 1024;
/** Of standard error the end is what tells. */
const STDERR_KEPT = 64 * 1024;
const LONGEST_LINE = 8 * 1024;

/** Bytes as they come, all of them or the last so many. */
export class Kept {
  readonly #last: number;
  #chunks: Buffer[] = [];
  #length = 0;

  constructor(last: number = Number.POSITIVE_INFINITY) {
    this.#last = last;
  }

  static ofStderr(): Kept {
    return new Kept(STDERR_KEPT);
  }

  get length(): number {
    return this.#length;
  }

  add(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    // Twice as much before it is cut, so that cutting is rare.
    if (this.#length > 2 * this.#last) this.#cut();
  }

  toString(): string {
    if (this.#length > this.#last) this.#cut();
    return Buffer.concat(this.#chunks).toString();
  }

  #cut(): void {
    const rest = Buffer.concat(this.#chunks).subarray(-this.#last);
    this.#chunks = [rest];
    this.#length = rest.length;
  }
}

/** Whole lines out of bytes as they come, without their end; a line that does not end is told in pieces. */
export class Lines {
  readonly #tell: (line: string) => void;
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';

  constructor(tell: (line: string) => void) {
    this.#tell = tell;
  }

  add(chunk: Buffer): void {
    const lines = (this.#rest + this.#decoder.write(chunk)).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#tell(line);
    for (; this.#rest.length > LONGEST_LINE; this.#rest = this.#rest.slice(LONGEST_LINE)) {
      this.#tell(this.#rest.slice(0, LONGEST_LINE));
    }
  }

  end(): void {
    const rest = this.#rest + this.#decoder.end();
    this.#rest = '';
    if (rest !== '') this.#tell(rest);
  }
}
