import { LOCAL } from '../builder.ts';
import type { BackendFacts } from '../backend-facts.ts';
import type { Backend, Inventory } from '../inventory.ts';
import { missing, note, ok, type Check } from '../checks.ts';
import { size, whole, type Lines } from './lines.ts';
import { toolChecks } from './tools.ts';

/** A release with its virtual environment, in kilobytes, where none is there to be measured. */
const USUAL = 250_000;
/** Files of a release with its virtual environment. */
const FILES = 20_000;

/** Whether the ssh user may write what a roll writes on a backend, and there is room for it. The service: service.ts. */
export function backendChecks(
  inventory: Inventory,
  backend: Backend,
  facts: BackendFacts,
  builder: BackendFacts | null,
  lines: Lines,
): Check[] {
  return [
    ...toolChecks(lines),
    ...root(inventory, facts, lines),
    ...room(inventory, facts, lines),
    ...python(inventory, backend, facts, builder, lines),
    ...environment(inventory, facts, lines),
    ...(backend.name === LOCAL ? [] : published(inventory, facts, lines)),
    ...facts.problems.map((problem) =>
      missing(
        problem,
        `look at ${inventory.release.root} by hand: what orchestrate did not write, it does not overwrite`,
      ),
    ),
  ];
}

function root({ release }: Inventory, facts: BackendFacts, lines: Lines): Check[] {
  const { user } = facts;
  const make = `as root: install -d -m 755 -o ${user} ${release.root}`;
  const [path = '', owner = ''] = lines.one('alien')?.split(' ') ?? [];
  const { state } = facts.root;
  if (state === 'creatable') return [ok(`${release.root} is not there, and ${user} can make it`)];
  if (state !== 'writable')
    return [
      missing(state === 'missing' ? `there is no ${release.root}` : `${user} can't write in ${release.root}`, make),
    ];
  return path === ''
    ? [ok(`${release.root} is ${user}'s`)]
    : [missing(`${path} belongs to ${owner}, not to ${user}`, `as root: chown -h ${user} ${path}`)];
}

/** What is unpacked lies beside what arrived, so a roll needs room for two. */
function room({ release }: Inventory, { free }: BackendFacts, lines: Lines): Check[] {
  if (free === null) return [];
  const known = whole(lines.one('size'));
  const one = known ?? USUAL;
  const kilobytes = free.bytes / 1024;
  const said = known === undefined ? '' : `; the present release takes ${size(one)}`;
  if (kilobytes < 2 * one)
    return [
      missing(
        `only ${size(kilobytes)} are free at ${release.root}${said}`,
        `here: orchestrate prune; or set release.keep lower than ${release.keep}`,
      ),
    ];
  if (free.inodes < 2 * FILES)
    return [missing(`only ${free.inodes} more files fit on the disk of ${release.root}`, 'here: orchestrate prune')];
  return [ok(`${size(kilobytes)} are free at ${release.root}${said}`)];
}

function python(
  { build }: Inventory,
  { name }: Backend,
  facts: BackendFacts,
  builder: BackendFacts | null,
  lines: Lines,
): Check[] {
  if (facts.python === null)
    return [
      missing(
        `${build.python} is not there, or does not run`,
        'as root: apt-get install python3 (or set build.python in the inventory)',
      ),
    ];
  const checks: Check[] = [];
  if (build.builder === name) {
    const has = (module: string): boolean => lines.all('module').includes(`${module} yes`);
    const bare = build.venv_args.includes('--without-pip');
    if (!has('venv') || (!bare && !has('ensurepip')))
      checks.push(
        missing(
          `${build.python} has no ${has('venv') ? 'ensurepip' : 'venv'}, and this host builds`,
          'as root: apt-get install python3-venv',
        ),
      );
    else if (bare && !has('pip'))
      checks.push(
        missing(
          `${build.python} has no pip, and build.venv_args says --without-pip`,
          'as root: apt-get install python3-pip',
        ),
      );
    else checks.push(ok(`Python ${facts.python} makes virtual environments here`));
  } else if (
    builder !== null &&
    builder.python !== null &&
    (builder.python !== facts.python || builder.platform !== facts.platform)
  ) {
    checks.push(
      missing(
        `it has Python ${facts.python} on ${facts.platform ?? '?'}, the builder ${build.builder} ${builder.python} on ${builder.platform ?? '?'}: what is built there would not run here`,
        'bring both to one version, or set build.python in the inventory',
      ),
    );
  } else {
    checks.push(ok(`Python ${facts.python} on ${facts.platform ?? '?'}`));
  }
  return checks;
}

function environment({ release }: Inventory, { user }: BackendFacts, lines: Lines): Check[] {
  const path = `${release.root}/shared/${release.env_file}`;
  const [state, mode = '', owner = ''] = (lines.one('env') ?? 'missing').split(' ');
  if (state === 'missing')
    return [
      note(
        `there is no ${path}: the application gets no variables of its own`,
        `if it needs some: KEY=value lines in ${path}`,
      ),
    ];
  if (state === 'unreadable')
    return [
      missing(
        `${user} can't read ${path} (${owner}'s, mode ${mode})`,
        `as root: chown ${user} ${path} && chmod 600 ${path}`,
      ),
    ];
  const bad = lines.all('envline');
  if (bad.length > 0)
    return [
      missing(
        `${path}: line ${bad.join(', ')} is not KEY=value`,
        `there: write each as KEY=value, on one line, without \`export\``,
      ),
    ];
  return [
    ok(`${path} can be read`),
    ...(/[4-7]$/.test(mode)
      ? [note(`everybody on this host can read ${path} (mode ${mode})`, `chmod 600 ${path}`)]
      : []),
  ];
}

function published({ build }: Inventory, { user }: BackendFacts, lines: Lines): Check[] {
  const { to, path } = build.static.publish;
  if (build.static.command === null || to !== 'backends') return [];
  const state = lines.one('static');
  if (state === 'writable') return [ok(`static files can be published to ${path}`)];
  if (state === 'makeable') return [ok(`${path} can be made for static files`)];
  return [
    missing(
      state === 'foreign' ? `${user} can't write in ${path}` : `there is no ${path}, and ${user} can't make it`,
      `as root: install -d -m 755 -o ${user} ${path}`,
    ),
  ];
}
