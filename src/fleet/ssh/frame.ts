import { randomBytes } from 'node:crypto';
import { quote } from '../quote.ts';

/** The kernel takes no longer argument (MAX_ARG_STRLEN), and sshd hands the whole line to the login shell as one. */
const LONGEST_LINE = 131_071;

/** What a login shell says before the script begins is looked through for the marker; of more than this only the end is kept. */
const NOISE = 64 * 1024;

/** Random, so that nothing a host prints can be taken for it. */
export class Marker {
  readonly #halves = [randomBytes(12).toString('hex'), randomBytes(12).toString('hex')] as const;
  /** What comes out: it is in two pieces on the command line, or a start-up file with `set -x` would print it first. */
  readonly bytes = Buffer.from(`${this.#halves.join('')}\n`);

  /**
   * The exec request: the login shell gives way to a sh that prints the marker on both streams, then runs the script.
   * The marker stands on the script's first line, so that line numbers in messages are those of the file.
   */
  commandLine(name: string, text: string, args: readonly string[]): string {
    const print = `printf '%s%s\\n' ${this.#halves.join(' ')}`;
    const script = `${print}; ${print} >&2; ${text}`;
    const line = `exec sh -c ${[script, name, ...args].map(quote).join(' ')}`;
    if (Buffer.byteLength(line) > LONGEST_LINE) {
      throw new RangeError(
        `${name}: the command line has more than ${LONGEST_LINE} bytes; send long data on standard input`,
      );
    }
    return line;
  }
}

/** One stream of a command: drops what comes before the marker, passes on the rest byte for byte. */
export class Unframed {
  readonly #marker: Buffer;
  #before: Buffer | undefined = Buffer.alloc(0);

  constructor(marker: Marker) {
    this.#marker = marker.bytes;
  }

  /** Whether the marker has come: the script has begun. */
  get begun(): boolean {
    return this.#before === undefined;
  }

  /** What was printed where the marker should have been, its end. */
  get noise(): string {
    return this.#before?.toString() ?? '';
  }

  take(chunk: Buffer): Buffer {
    if (this.#before === undefined) return chunk;
    const all = this.#before.length === 0 ? chunk : Buffer.concat([this.#before, chunk]);
    const at = all.indexOf(this.#marker);
    if (at === -1) {
      this.#before = all.length > NOISE ? all.subarray(-NOISE) : all;
      return Buffer.alloc(0);
    }
    this.#before = undefined;
    return all.subarray(at + this.#marker.length);
  }
}
