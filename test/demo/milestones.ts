import { clean, cut, lasting } from '../../src/tell/words.ts';

/** One line for each part of the demo: what is being done, then that it is done and how long it took. */
export class Milestones {
  readonly #write: (text: string) => void;
  readonly #terminal: boolean;
  readonly #colour: boolean;

  constructor(write: (text: string) => void, terminal: boolean, colour: boolean) {
    this.#write = write;
    this.#terminal = terminal;
    this.#colour = colour;
  }

  /** `say` tells how far the work is, where that can be wiped out again. */
  async during<T>(title: string, work: (say: (text: string) => void) => Promise<T>): Promise<T> {
    const began = performance.now();
    const mark = (code: number, text: string): string => (this.#colour ? `\u001b[${code}m${text}\u001b[0m` : text);
    const say = (text: string): void => {
      if (!this.#terminal) return;
      const line = cut(clean(text === '' ? title : `${title}: ${text}`), Math.max(20, process.stdout.columns - 3));
      this.#write(`\r${mark(36, '▸')} ${line}\u001b[K`);
    };
    say('');
    const result = await work(say);
    this.#write(
      `${this.#terminal ? '\r\u001b[K' : ''}${mark(32, '✓')} ${title} ${mark(2, lasting(performance.now() - began))}\n`,
    );
    return result;
  }
}
