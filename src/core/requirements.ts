/** What a requirements file says beyond names and versions: everything that must be part of a virtual environment's key. */
export interface RequirementsFile {
  /** Files that it pulls in with -r or -c, as written (relative to its own folder). */
  readonly nested: readonly string[];
  /** Paths that pip may read in the code (relative to the code's root): local packages, wheels, --find-links folders. */
  readonly local: readonly string[];
  /** Local packages in editable mode: they would point from a shared environment into one release. */
  readonly editable: readonly string[];
}

/** Reads the parts of pip's format that name other files. Unknown lines are left to pip. */
export function readRequirements(text: string): RequirementsFile {
  const nested: string[] = [];
  const local: string[] = [];
  const editable: string[] = [];
  for (const line of logicalLines(text)) {
    const option =
      /^(-r|-c|-e|-f|--requirement|--constraint|--editable|--find-links)(?:\s*=\s*|\s+|(?=[^-\s]))(.+)$/.exec(line);
    const value = option?.[2]?.trim().replaceAll(/^["']|["']$/g, '');
    if (option === null || value === undefined) {
      if (!line.startsWith('-') && isPath(line)) local.push(pathOf(line));
      continue;
    }
    if (isUrl(value)) continue;
    const list = /^-(r|c|-requirement|-constraint)$/.test(option[1] ?? '')
      ? nested
      : /^-(e|-editable)$/.test(option[1] ?? '')
        ? editable
        : local;
    list.push(value);
  }
  return { nested, local, editable };
}

/** Lines without comments, those that end in a backslash joined with the next. */
function logicalLines(text: string): string[] {
  return text
    .replaceAll('\r\n', '\n')
    .replaceAll(/\\\n/g, ' ')
    .split('\n')
    .map((line) => line.replace(/(^|\s)#.*$/, '').trim())
    .filter((line) => line !== '');
}

const isUrl = (value: string): boolean => /^[a-z][a-z0-9+.-]*:\/\//i.test(value);

/** pip takes for a path what begins with a dot or holds a slash; `name @ file:…` too. */
function isPath(line: string): boolean {
  const bare = line.split(';')[0] ?? '';
  return /\bfile:/.test(bare) || (!isUrl(bare) && !/@/.test(bare) && (bare.startsWith('.') || bare.includes('/')));
}

const pathOf = (line: string): string =>
  (line.split(';')[0] ?? '')
    .replace(/^.*?file:(?:\/\/)?/, '')
    .replace(/\[[^\]]*\]\s*$/, '')
    .replace(/\s+--.*$/, '')
    .trim();
