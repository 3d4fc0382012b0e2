import type { FleetFacts } from '../facts.ts';
import type { Inventory } from '../inventory.ts';
import { generationName } from '../planning/generation-steps.ts';
import { declaredGroups, groupOf } from '../routing/groups.ts';
import { hasHeader, readable, sameHeader } from '../routing/configuration.ts';
import { parseConfiguration } from '../routing/parse.ts';
import { verifierOf } from '../routing/verify.ts';
import { missing, note, ok, type Check } from '../checks.ts';
import type { Lines } from './lines.ts';

type Facts = Extract<FleetFacts['balancers'][string], { kind: 'seen' }>['facts'];

/** `keepalive_timeout` in an upstream came with 1.15.3; all else of the template is older. */
const OLDEST = [1, 15, 3];

/** Whether Nginx runs, has loaded the configuration that the inventory asks for (`wanted`: its text), and its workers follow the routing. */
export function routingChecks(inventory: Inventory, facts: Facts, lines: Lines, wanted: string): Check[] {
  return [
    ...running(facts, lines),
    ...loaded(inventory, facts, lines, wanted),
    ...serves(inventory, facts, lines),
    ...site(inventory, lines),
  ];
}

function running(facts: Facts, lines: Lines): Check[] {
  if (facts.nginx === undefined) return [missing('there is no nginx', 'as root: apt-get install nginx')];
  const numbers = facts.nginx.split('.').map(Number);
  const at = OLDEST.findIndex((least, index) => (numbers[index] ?? 0) !== least);
  if (at >= 0 && (numbers[at] ?? 0) < (OLDEST[at] ?? 0))
    return [missing(`nginx ${facts.nginx} is older than ${OLDEST.join('.')}`, 'as root: install a newer nginx')];
  const serving = facts.workers.filter(({ ending }) => !ending).length;
  if (serving === 0)
    return [
      missing(
        `nginx ${facts.nginx} is there, and no process of it can be seen`,
        'as root: systemctl enable --now nginx (and no hidepid on /proc)',
      ),
    ];
  const checks = [
    ok(
      `nginx ${facts.nginx} runs, ${serving} ${serving === 1 ? 'worker' : 'workers'} of ${lines.one('worker') ?? 'an unknown user'}`,
    ),
  ];
  if (facts.upgrading)
    checks.push(
      missing(
        'a binary upgrade of Nginx is under way (nginx.pid.oldbin)',
        'as root: kill -QUIT $(cat /run/nginx.pid.oldbin)',
      ),
    );
  return checks;
}

/** The file's text is what Nginx has loaded only if the status server tells the digest that the text tells of itself. */
function loaded(inventory: Inventory, facts: Facts, lines: Lines, wanted: string): Check[] {
  const { app, nginx } = inventory;
  const install =
    nginx.configuration === 'managed'
      ? `put what was changed by hand into nginx.template, and the file out of the way (mv ${nginx.file} ${nginx.file}.edited): the next roll writes it anew`
      : `install what \`orchestrate init --print upstream\` prints as ${nginx.file}, then as root: nginx -t && nginx -s reload`;
  if (facts.text === null)
    return facts.file === 'missing'
      ? [
          missing(
            `there is no ${nginx.file}`,
            `install what \`orchestrate init --print upstream\` prints as ${nginx.file}`,
          ),
        ]
      : [
          missing(
            `${nginx.file} can't be read`,
            `as root: ${readable(inventory, `"$(id -gn ${lines.one('user') ?? 'USER'})"`)}`,
          ),
        ];
  if (facts.status.kind === 'no answer')
    return [
      missing(
        `the status server ${nginx.status} does not answer: ${facts.status.reason}`,
        mendStatus(inventory, facts.status.reason),
      ),
    ];
  const told = toldBy(facts.status.body);
  if (told === null || told.app !== app) {
    const who = told === null ? `something else (status ${facts.status.status})` : `the app ${told.app}`;
    return [
      missing(
        `${nginx.status} is answered by ${who}`,
        `include ${nginx.file} at http level; if another app has that port on another address, nginx.status must be another`,
      ),
    ];
  }
  const parsed = parseConfiguration(facts.text);
  if ('problem' in parsed) return [missing(`${nginx.file} can't be understood: ${parsed.problem}`, install)];
  if (parsed.digest !== told.configuration)
    return [
      missing(
        `Nginx serves configuration ${told.configuration}, and ${nginx.file} is ${parsed.digest ?? 'none of ours'}: it was not reloaded since`,
        'as root: nginx -t && nginx -s reload',
      ),
    ];
  const groups = nginx.switch === 'live' ? declaredGroups(inventory) : [groupOf(new Set(), inventory)];
  // With `reload` the marks change with each switch: what is loaded need not be the group of the whole fleet.
  const verifier = nginx.switch === 'live' ? verifierOf(facts.text, inventory) : undefined;
  const lacks = (problems: readonly string[]): string =>
    `Nginx has not loaded what the inventory asks for: ${problems[0] ?? ''}${problems.length > 1 ? `, and ${problems.length - 1} more` : ''}`;
  const whole = verifier?.problems ?? [];
  if (whole.length > 0) return [missing(lacks(whole), install)];
  const of = verifier === undefined ? [] : groups.flatMap(verifier.group);
  if (of.length > 0)
    return [
      nginx.configuration === 'managed'
        ? note(`${lacks(of)}: the next roll declares it, with one reload of Nginx`)
        : missing(lacks(of), install),
    ];
  const checks = [
    ...header(inventory, facts, lines, wanted, install),
    ok(
      `Nginx has loaded ${nginx.file} (${told.configuration}), and its ${groups.length === 1 ? 'group is' : `${groups.length} groups are`} right`,
    ),
  ];
  if (facts.former)
    checks.push(
      note(`${nginx.file}.former is there: a declaration was broken off; the next \`roll\` or \`rollback\` settles it`),
    );
  return checks;
}

/** Who may choose a canary's side, and who may read by what. */
function header(inventory: Inventory, { text }: Facts, lines: Lines, wanted: string, install: string): Check[] {
  const { app, nginx, canary } = inventory;
  if (nginx.switch === 'reload' || text === null) return [];
  const [mode = ''] = (lines.one('file') ?? '').split(' ');
  const open = canary.header !== undefined && mode !== '' && !mode.endsWith('0');
  const exposed = open
    ? [
        missing(
          `${nginx.file} holds the secret of canary.header, and everybody on that host may read it (mode ${mode})`,
          `as root: chmod 640 ${nginx.file}`,
        ),
      ]
    : [];
  if (canary.header === undefined ? !hasHeader(text, app) : sameHeader(text, wanted, app))
    return canary.header === undefined
      ? []
      : [...exposed, ok(`who knows the secret chooses a canary's side by ${canary.header.name}`)];
  const says = 'Nginx has loaded another canary.header than the inventory has';
  return [
    ...exposed,
    nginx.configuration === 'managed'
      ? note(`${says}: the next canary or A/B window declares it, with one reload of Nginx`)
      : missing(`${says}: a canary or A/B window would be refused`, install),
  ];
}

function mendStatus({ nginx }: Inventory, reason: string): string {
  return /refuses tunnels/.test(reason)
    ? 'as root: AllowTcpForwarding yes in /etc/ssh/sshd_config, then systemctl reload ssh'
    : `as root: echo 'include ${nginx.file.replace(/[^/]+$/, '*.conf')};' >/etc/nginx/conf.d/00-orchestrate.conf && nginx -t && nginx -s reload`;
}

function toldBy(body: string): { readonly app: string; readonly configuration: string } | null {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== 'object' || value === null || !('app' in value) || !('configuration' in value)) return null;
    return { app: String(value.app).slice(0, 40), configuration: String(value.configuration).slice(0, 40) };
  } catch {
    return null;
  }
}

/** What no right of a file can tell as surely: whether a worker resolves the live generation. */
function serves({ nginx }: Inventory, facts: Facts, lines: Lines): Check[] {
  const closed = lines.all('closed').flatMap((line) => (line.startsWith('folder ') ? [line.slice(7)] : []))[0];
  const worker = lines.one('worker') ?? 'the user of its workers';
  if (nginx.switch === 'live' && facts.live !== null) {
    const { generation } = facts;
    const self = `${nginx.folder}/generations/${generationName(facts.live)}/self`;
    if (generation.kind === 'answered' && generation.body.trim() === self)
      return [ok(`its workers serve generation ${facts.live}`)];
    if (generation.kind === 'answered' && closed === undefined && facts.status.kind === 'answered')
      return [
        missing(
          `its workers do not resolve generation ${facts.live}: every request falls to the group all`,
          `as root: see with \`namei -l ${nginx.folder}/live/stable\` which folder ${worker} may not pass (x)`,
        ),
      ];
  }
  return closed === undefined
    ? []
    : [
        missing(
          `Nginx's workers (${worker}) may not pass ${closed} on the way to ${nginx.folder}`,
          `as root: chmod a+x ${closed}`,
        ),
      ];
}

/** Only where the site's files can be read. */
function site({ app, nginx }: Inventory, lines: Lines): Check[] {
  const [routed, plain] = [lines.all('site'), lines.all('plain')];
  const wanted = nginx.switch === 'live' ? routed : plain;
  const checks: Check[] = [];
  const [file] = wanted;
  if (file !== undefined) checks.push(ok(`the site ${file} sends by the routing`));
  else if (lines.all('logline').length > 0)
    checks.push(
      missing(
        nginx.switch === 'live'
          ? `no site here has the routing's \`root ${nginx.folder}/live/$${app}_lane;\``
          : `no site here has \`proxy_pass http://${app};\``,
        'write the site as `orchestrate init --print site` shows it, then as root: nginx -t && nginx -s reload',
      ),
    );
  if (nginx.switch === 'live' && plain.length > 0)
    checks.push(
      missing(
        `${plain.join(', ')} still passes to http://${app}, which no flip changes`,
        `there: proxy_pass http://$${app}_upstream;`,
      ),
    );
  if (nginx.switch === 'reload')
    checks.push(
      note(
        'nginx.switch: reload reloads Nginx at each switch, and each reload loses some requests',
        'inventory: nginx.switch: live',
      ),
    );
  return checks;
}
