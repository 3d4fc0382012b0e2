import { readFileSync } from 'node:fs';
import { Refusal } from '../core/failure.ts';
import type { Inventory } from '../core/inventory.ts';
import { SECRET, SECRET_WORDS } from '../core/sealed.ts';

/** The secret of canary.header; undefined: there is none. Throws `Refusal` (exit 2) where its file can't be used; what it holds is never told. */
export function headerSecret({ canary: { header } }: Pick<Inventory, 'canary'>): string | undefined {
  if (header === undefined) return undefined;
  const file = header.secret_file;
  const refuse = (what: string): Refusal =>
    new Refusal(
      2,
      `canary.header: its secret_file ${file} ${what}; nothing was touched.`,
      'Each machine that runs orchestrate needs the same one. The first: (umask 077; openssl rand -hex 16 >FILE). Or canary.header: none.',
    );
  let text: string;
  try {
    text = readFileSync(file, 'utf8').trim();
  } catch {
    throw refuse("can't be read");
  }
  if (!SECRET.test(text)) throw refuse(`must hold ${SECRET_WORDS}`);
  return text;
}
