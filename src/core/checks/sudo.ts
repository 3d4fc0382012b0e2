import type { Inventory } from '../inventory.ts';
import { missing, note, ok, type Check } from '../checks.ts';
import type { Lines } from './lines.ts';

/** Where Debian, Ubuntu and Red Hat have it; sudoers wants a path. */
const NGINX = '/usr/sbin/nginx';

/** The commands that a `managed` inventory runs by sudo, with their paths, as sudoers lists them. */
export function sudoCommands({ nginx }: Inventory, path = NGINX): string[] {
  if (nginx.configuration !== 'managed') return [];
  return [nginx.test, nginx.reload].flatMap((command) => {
    const after = /^sudo(?: -n)? (?:-- )?([^-\s].*)$/.exec(command.trim())?.[1];
    return after === undefined ? [] : [after.replace(/^nginx(?=\s|$)/, path)];
  });
}

/** The sudoers line that allows exactly these commands; what sudoers reads as its own is escaped. */
export function sudoersLine(user: string, commands: readonly string[]): string {
  const list = commands.map((command) => command.replaceAll(/[\\,:=]/g, String.raw`\$&`)).join(', ');
  return `${user} ALL=(root) NOPASSWD: ${list}`;
}

/** Whether sudo allows what a declaration of groups needs, and no more. */
export function sudoChecks(inventory: Inventory, user: string, lines: Lines): Check[] {
  const path = lines.one('nginx');
  const wanted = sudoCommands(inventory, path === undefined || path === 'missing' ? NGINX : path);
  const listed = allowed(lines.all('sudo'));
  const refused = lines.one('sudoless');
  if (wanted.length === 0) {
    const [some] = listed;
    return some === undefined || inventory.nginx.configuration === 'managed'
      ? []
      : [note(`sudo allows ${user} \`${some.command}\`; orchestrate needs no sudo here (nginx.configuration: fixed)`)];
  }
  const line = sudoersLine(user, wanted);
  const mend = `as root: echo '${line}' >/etc/sudoers.d/orchestrate-${inventory.app} && chmod 440 /etc/sudoers.d/orchestrate-${inventory.app} && visudo -c`;
  const lacking = wanted.filter(
    (command) => !listed.some((each) => !each.password && (each.command === 'ALL' || each.command === command)),
  );
  const more = listed.filter(({ command }) => !wanted.includes(command));
  const checks: Check[] = [];
  if (lacking.length > 0) {
    const why = listed.length === 0 && refused !== undefined ? ` (${refused})` : '';
    const said = lacking.map((command) => `\`${command}\``).join(' and ');
    checks.push(missing(`sudo does not allow ${user} ${said} without a password${why}`, mend));
  } else if (more.length === 0) {
    checks.push(ok(`sudo allows ${user} ${wanted.map((command) => `\`${command}\``).join(' and ')}, and nothing else`));
  }
  const [extra] = more;
  if (extra !== undefined) {
    const said = more.length === 1 ? `\`${extra.command}\`` : `\`${extra.command}\` and ${more.length - 1} more`;
    checks.push(note(`sudo allows ${user} more than orchestrate needs: ${said}`, `enough is: ${line}`));
  }
  return checks;
}

interface Allowed {
  readonly command: string;
  readonly password: boolean;
}

/** The commands of `sudo -l`'s list that may be run as root. Options stand in front and hold for what follows in the line. */
function allowed(lines: readonly string[]): Allowed[] {
  const start = lines.findIndex((line) => /may run the following commands/.test(line));
  if (start < 0) return [];
  // An entry that does not fit a line goes on in the next, indented further.
  const entries: string[] = [];
  for (const line of lines.slice(start + 1)) {
    if (/^\s+\(/.test(line)) entries.push(line.trim());
    else if (entries.length > 0) entries.push(`${entries.pop() ?? ''} ${line.trim()}`);
  }
  return entries.flatMap((entry) => {
    const [, as = '', list = ''] = /^\(([^)]*)\)\s*(.*)$/.exec(entry) ?? [];
    if (!/^(root|ALL)\b/.test(as)) return [];
    let password = true;
    return list.split(/(?<!\\),\s*/).flatMap((word): Allowed[] => {
      let rest = word.trim();
      for (;;) {
        const [tag, name] = /^([A-Z_]+):\s*/.exec(rest) ?? [];
        if (tag === undefined) break;
        if (name === 'NOPASSWD') password = false;
        if (name === 'PASSWD') password = true;
        rest = rest.slice(tag.length);
      }
      return rest === '' ? [] : [{ command: rest.replaceAll(/\\([\\,:=])/g, '$1'), password }];
    });
  });
}
