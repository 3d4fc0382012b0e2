import type { BalancerFacts } from '../balancer-facts.ts';
import type { Inventory } from '../inventory.ts';
import { missing, note, ok, type Check } from '../checks.ts';
import { size, whole, type Lines } from './lines.ts';
import { toolChecks } from './tools.ts';

/** Room for generations and their records: a few MB are plenty. */
const ROOM = 20_000;

/** Whether the ssh user may write what a roll writes on a balancer, and Nginx may read it. */
export function balancerChecks(inventory: Inventory, facts: BalancerFacts, lines: Lines): Check[] {
  const user = lines.one('user') ?? 'the ssh user';
  return [
    ...toolChecks(lines),
    ...folder(inventory, facts, user, lines),
    ...configuration(inventory, user, lines),
    ...published(inventory, user, lines),
  ];
}

function folder({ nginx }: Inventory, facts: BalancerFacts, user: string, lines: Lines): Check[] {
  const make = `as root: install -d -m 711 -o ${user} ${nginx.folder}`;
  if (facts.folder === 'missing') return [missing(`there is no routing folder ${nginx.folder}`, make)];
  if (facts.folder === 'foreign') return [missing(`${user} can't write in ${nginx.folder}`, make)];
  const [alien] = lines.all('alien');
  if (alien !== undefined) {
    const [path = '', owner = ''] = alien.split(' ');
    return [missing(`${path} belongs to ${owner}, not to ${user}`, `as root: chown -Rh ${user} ${nginx.folder}`)];
  }
  const free = whole(lines.one('free'));
  if (free !== undefined && free < ROOM)
    return [missing(`only ${size(free)} are free at ${nginx.folder}`, 'make room on that disk')];
  return [
    ok(`${nginx.folder} is ${user}'s`),
    ...facts.problems.map((problem) =>
      missing(problem, `look at ${nginx.folder} by hand: what orchestrate did not write, it does not overwrite`),
    ),
  ];
}

function configuration({ nginx }: Inventory, user: string, lines: Lines): Check[] {
  const [state = 'missing', path = nginx.file] = (lines.one('beside') ?? '').split(' ');
  if (nginx.configuration === 'fixed')
    return state === 'writable'
      ? [
          note(
            `${user} may write in ${path}; with nginx.configuration: fixed that right is not needed, and it is as good as root's`,
            `as root: chown root: ${path}`,
          ),
        ]
      : [];
  if (state !== 'writable')
    return [
      missing(
        state === 'missing'
          ? `there is no folder ${path}`
          : `${user} can't write in ${path}, where ${nginx.file} is replaced`,
        `as root: install -d -m 755 -o ${user} ${path}`,
      ),
    ];
  const checks = [ok(`${user} may replace ${nginx.file}`)];
  // Without the right to it the test was not run at all: the check of sudo tells that.
  if (lines.one('test') === 'failed' && !lines.all('said').some((line) => line.startsWith('sudo: ')))
    checks.push(
      missing(
        `\`${nginx.test}\` fails: ${lines.all('said').join(' · ')}`,
        'mend the configuration that it names, or nginx.test in the inventory',
      ),
    );
  if (lines.one('test') === 'ok') checks.push(ok(`\`${nginx.test}\` finds no fault`));
  return checks;
}

function published({ build }: Inventory, user: string, lines: Lines): Check[] {
  const { to, path } = build.static.publish;
  if (build.static.command === null || to !== 'balancers') return [];
  const state = lines.one('static');
  if (state !== 'writable' && state !== 'makeable')
    return [
      missing(
        state === 'foreign' ? `${user} can't write in ${path}` : `there is no ${path}, and ${user} can't make it`,
        `as root: install -d -m 755 -o ${user} ${path}`,
      ),
    ];
  const closed = lines.all('closed').flatMap((line) => (line.startsWith('static ') ? [line.slice(7)] : []))[0];
  if (closed !== undefined)
    return [missing(`Nginx's workers may not pass ${closed} on the way to ${path}`, `as root: chmod a+x ${closed}`)];
  return [
    ok(state === 'writable' ? `static files can be published to ${path}` : `${path} can be made for static files`),
  ];
}
