import { missing, ok, type Check } from '../checks.ts';
import type { Lines } from './lines.ts';

/** In which Debian package a tool is. */
const PACKAGE: Readonly<Record<string, string>> = {
  flock: 'util-linux',
  ss: 'iproute2',
  awk: 'mawk',
  tar: 'tar',
  gzip: 'gzip',
  sed: 'sed',
  grep: 'grep',
  cmp: 'diffutils',
  'find -printf': 'findutils',
};

/** Whether a host has what the scripts use, and room for what they put aside. */
export function toolChecks(lines: Lines): Check[] {
  const lacks = lines.all('lacks');
  const packages = [...new Set(lacks.map((tool) => PACKAGE[tool] ?? 'coreutils'))];
  return [
    lacks.length === 0
      ? ok('all tools are there')
      : missing(`the tools ${lacks.join(', ')} are missing`, `as root: apt-get install ${packages.join(' ')}`),
    ...(lines.one('temporary') === 'writable'
      ? []
      : [missing("the folder for temporary files can't be written", 'as root: chmod 1777 /tmp')]),
  ];
}
