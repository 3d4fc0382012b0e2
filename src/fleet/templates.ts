import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { Refusal } from '../core/failure.ts';

/**
 * A template's text: one of those in templates/, or, where the name has a slash, a file beside the inventory. Throws `Refusal` (exit 2)
 * when there is none.
 */
export function template(name: string, inventoryFile: string): string {
  const path = name.includes('/')
    ? isAbsolute(name)
      ? name
      : join(dirname(inventoryFile), name)
    : new URL(`../../templates/${name}`, import.meta.url);
  try {
    return readFileSync(path, 'utf8');
  } catch {
    throw new Refusal(
      2,
      `there is no template ${name}`,
      'Name one of templates/ (upstream.conf.hbs), or a path with a slash, which begins beside the inventory: ./my-upstream.conf.hbs.',
    );
  }
}
