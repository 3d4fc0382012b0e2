import { readFileSync } from 'node:fs';
import { quote } from './quote.ts';

const text = (file: string): string => readFileSync(new URL(`../remote/${file}`, import.meta.url), 'utf8');

/**
 * The whole text of a script of src/remote, as it is sent to a host: common.sh, then what its line `# with: FILE…` names, then the
 * script itself. A shell file of that line is put in as it is; a Python file `some-name.py` becomes the variable `some_name_py`, for
 * `python -c`. `name` is without `.sh`.
 */
export function script(name: string): string {
  const own = text(`${name}.sh`);
  const parts = /^# with: (.+)$/m.exec(own)?.[1]?.trim().split(/\s+/) ?? [];
  const put = parts.map((file) =>
    file.endsWith('.py') ? `${file.replace(/\.py$/, '').replaceAll('-', '_')}_py=${quote(text(file))}` : text(file),
  );
  return [text('common.sh'), ...put, own].join('\n');
}
