import { readFileSync } from 'node:fs';

const text = (file: string): string => readFileSync(new URL(`../remote/${file}`, import.meta.url), 'utf8');

/** The whole text of a script of src/remote, as it is sent to a host: common.sh, then the script itself. `name` is without `.sh`. */
export function script(name: string): string {
  return `${text('common.sh')}\n${text(`${name}.sh`)}`;
}
