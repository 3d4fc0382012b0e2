import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { Refusal } from '../core/failure.ts';

/** The lines of a text file, of `-` those of standard input, as they come. Rejects with `Refusal` (exit 2) when it can't be read. */
export async function* linesOf(file: string): AsyncGenerator<string> {
  const input = file === '-' ? process.stdin : createReadStream(file);
  // The reader of lines does not pass on what befalls the file: it would wait for ever.
  const failed = new Promise<never>((_, reject) => input.once('error', reject));
  failed.catch(() => {});
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })[Symbol.asyncIterator]();
  try {
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- one line after the other
      const next = await Promise.race([lines.next(), failed]);
      if (next.done === true) return;
      yield next.value;
    }
  } catch (error) {
    throw new Refusal(
      2,
      `${file} can't be read: ${error instanceof Error ? error.message : String(error)}`,
      'Name a file of recorded windows, or - for standard input.',
    );
  } finally {
    input.destroy();
  }
}
