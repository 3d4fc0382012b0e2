import { join } from 'node:path';
import { writeKept } from './kept-file.ts';
import type { Store } from './store.ts';

/** Writes what must not be lost beside the database's folder (kept-file.ts), whenever it has changed. */
export class Keeping {
  readonly #data: string;
  readonly #store: Pick<Store, 'kept'>;
  readonly #say: (text: string) => void;
  #keeping: Promise<void> = Promise.resolve();
  /** Something was changed that no writing has begun with. */
  #unkept = false;

  constructor(data: string, store: Pick<Store, 'kept'>, say: (text: string) => void) {
    this.#data = data;
    this.#store = store;
    this.#say = say;
  }

  /** Resolves when what was changed before is on the disk. */
  async written(): Promise<void> {
    await this.#keeping;
  }

  /** One writing after the other; several changes at once are one. */
  changed(): void {
    if (this.#unkept) return;
    this.#unkept = true;
    const before = this.#keeping;
    this.#keeping = this.#write(before);
  }

  async #write(before: Promise<void>): Promise<void> {
    await before;
    this.#unkept = false;
    try {
      await writeKept(this.#data, await this.#store.kept());
    } catch (error) {
      this.#say(`${join(this.#data, 'kept.json')}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
