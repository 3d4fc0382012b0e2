import type { BackendFacts } from '../backend-facts.ts';
import type { Backend, Inventory } from '../inventory.ts';
import { socketOf } from '../address.ts';
import { SECOND } from '../slots.ts';
import { runningRelease, type SlotFacts } from '../slot-facts.ts';
import { runFolder, WRAPPER } from '../service.ts';
import { missing, note, ok, type Check } from '../checks.ts';
import { size, whole, type Lines } from './lines.ts';
import { managerChecks } from './manager.ts';

/** Whether somebody keeps the application alive, in a way in which the ssh user can restart it. `runner`: sha256 of our run-slot.sh. */
export function serviceChecks(
  inventory: Inventory,
  backend: Backend,
  facts: BackendFacts,
  lines: Lines,
  runner: string,
): Check[] {
  return [
    ...(inventory.service.wrapper ? installed(inventory, backend, facts, lines, runner) : []),
    ...backend.slots.flatMap((port) => {
      const slot = facts.slots.find((each) => each.port === port);
      return [
        ...(inventory.service.wrapper
          ? wrapper(inventory, backend, facts, port, slot, lines)
          : program(inventory, facts, port, slot, lines)),
        ...listening(inventory, backend, port, slot, lines),
        ...memory(inventory, backend, port, lines),
      ];
    }),
    ...managerChecks(inventory, facts, lines),
  ];
}

function installed(inventory: Inventory, backend: Backend, facts: BackendFacts, lines: Lines, runner: string): Check[] {
  const run = runFolder(inventory);
  const checks: Check[] = [];
  const install = `here: orchestrate init --print run-slot | ssh root@${backend.address} 'install -D -m 755 /dev/stdin ${WRAPPER}'`;
  const there = lines.one('runner') ?? 'missing';
  if (there === 'missing') checks.push(missing(`there is no ${WRAPPER}`, install));
  else if (there !== runner) checks.push(note(`${WRAPPER} is not the one of this orchestrate`, install));
  const lasting = `here: orchestrate init --print tmpfiles | ssh root@${backend.address} 'cat >/etc/tmpfiles.d/${inventory.service.name}.conf && systemd-tmpfiles --create'`;
  const unit = inventory.service.manager === 'systemd';
  if (facts.run !== 'writable')
    checks.push(
      missing(
        facts.run === 'missing' ? `there is no ${run}, where the pid files are` : `${facts.user} can't write in ${run}`,
        facts.run === 'missing' && !unit ? lasting : `as root: install -d -o ${facts.user} ${run}`,
      ),
    );
  else if (!unit && lines.one('tmpfiles') === 'no')
    checks.push(note(`nothing makes ${run} anew when this host boots`, lasting));
  return checks;
}

function wrapper(
  inventory: Inventory,
  backend: Backend,
  facts: BackendFacts,
  port: number,
  slot: SlotFacts | undefined,
  lines: Lines,
): Check[] {
  const run = runFolder(inventory);
  const { service } = inventory;
  const owner = ownerOf(lines, port, 'slot');
  const print =
    service.manager === 'systemd'
      ? `here: orchestrate init --print systemd --on ${backend.name} | ssh root@${backend.address} 'cat >/etc/systemd/system/${service.name}@.service && systemctl daemon-reload && systemctl enable --now ${service.name}@${port}'`
      : `here: orchestrate init --print supervisor --on ${backend.name} | ssh root@${backend.address} 'cat >/etc/supervisor/conf.d/${service.name}.conf && supervisorctl update'`;
  if (owner !== undefined && owner !== facts.user)
    return [
      missing(
        `the wrapper of port ${port} runs as ${owner}, not as ${facts.user}: it could not be woken or its Gunicorn ended`,
        print,
      ),
    ];
  if (slot === undefined || slot.wrapper === null)
    return [missing(`no wrapper runs for port ${port} (${run}/${port}.slot)`, print)];
  const runs = ok(`the wrapper of port ${port} runs as ${facts.user}`);
  // The slot for the next release.
  if (slot.master === null && slot.link === null && backend.slots.length > 1) return [runs];
  return [
    runs,
    ...(slot.master === null
      ? [
          note(
            slot.link === null
              ? `nothing serves on port ${port} yet: the first roll starts it`
              : `the wrapper of port ${port} has no Gunicorn: the present release does not start, or crashed`,
          ),
        ]
      : [...told(inventory, facts, port, slot, lines)]),
  ];
}

/** The site's own program: it must come back by itself after TERM, and start from real paths. */
function program(
  inventory: Inventory,
  facts: BackendFacts,
  port: number,
  slot: SlotFacts | undefined,
  lines: Lines,
): Check[] {
  const { service } = inventory;
  if (slot === undefined || slot.master === null) {
    if (facts.current === null && slot?.listening !== true)
      return [
        note(
          `nothing runs on port ${port} yet: ${service.name} starts once the first roll has made ${inventory.release.root}/current`,
        ),
      ];
    const stale = lines.all('stale').some((line) => line.startsWith(`${port} `));
    return [
      missing(
        stale ? `${service.pid_file} names no process` : `there is no pid file ${service.pid_file}`,
        `start the program once, with Gunicorn's --pid ${service.pid_file} (or set service.pid_file)`,
      ),
    ];
  }
  return told(inventory, facts, port, slot, lines);
}

function told(inventory: Inventory, facts: BackendFacts, port: number, slot: SlotFacts, lines: Lines): Check[] {
  const owner = ownerOf(lines, port, 'master');
  if (owner !== undefined && owner !== facts.user)
    return [
      missing(
        `the application on port ${port} runs as ${owner}, and ssh comes as ${facts.user}: it could not be ended`,
        `let the manager start it as ${facts.user} (user=${facts.user}), or set ssh.user: ${owner}`,
      ),
    ];
  if (slot.through.length > 0)
    return [
      missing(
        `the application on port ${port} imports its code by way of the link \`current\` (${slot.through[0] ?? ''}): a worker that starts later would run another release`,
        `its command: cd -P ${inventory.release.root}/current/${inventory.release.code} && exec …, with no path through current`,
      ),
    ];
  const running = runningRelease(facts, port);
  if (running === 'unsure')
    return [
      note(
        `which release runs on port ${port} can't be told: its working folder is ${slot.master?.cwd ?? 'not to be seen'}`,
        `its command: cd -P ${inventory.release.root}/current/${inventory.release.code} && exec …`,
      ),
    ];
  return [ok(`${running ?? 'the application'} runs on port ${port} as ${facts.user}`)];
}

const ANY = ['*', '0.0.0.0', '[::]'];

function listening(
  { service }: Inventory,
  { address }: Backend,
  port: number,
  slot: SlotFacts | undefined,
  lines: Lines,
): Check[] {
  const found = lines.all('listens').flatMap((line) => {
    const [at, where = '', whose] = line.split(' ');
    return at === String(port) ? [{ where, ours: whose === 'OURS' }] : [];
  });
  if (found.length === 0) return [];
  if (slot?.master === null || slot === undefined)
    return [
      missing(
        `something ${found.some(({ ours }) => ours) ? '' : "of another user's "}listens on port ${port} that no pid file names: Gunicorn could not start there`,
        `as root: ss -ltnp 'sport = :${port}' names it; end it, or take another port (service.slots)`,
      ),
    ];
  const own = socketOf(address, port);
  return found.some(({ where }) => ANY.includes(where) || `${where}:${port}` === own)
    ? []
    : [
        missing(
          `the application listens on ${found.map(({ where }) => `${where}:${port}`).join(', ')}, and Nginx sends to ${own}`,
          service.wrapper ? 'service.command: --bind 0.0.0.0:$PORT' : `its command: --bind ${own}`,
        ),
      ];
}

/** A rehearsal starts a second, smaller one beside it; with two slots a whole one runs there for a while. */
function memory({ rehearse, build }: Inventory, { name, slots }: Backend, port: number, lines: Lines): Check[] {
  const two = slots.length > 1;
  if (!two && (rehearse.on === 'none' || (rehearse.on === 'builder' && build.builder !== name))) return [];
  const free = whole(lines.one('memory'));
  const uses = lines
    .all('uses')
    .flatMap((line) => (line.startsWith(`${port} `) ? [whole(line.split(' ')[1]) ?? 0] : []))[0];
  if (free === undefined || uses === undefined) return [];
  // Where both run already there is nothing to come.
  const both = slots.every((each) => lines.all('uses').some((line) => line.startsWith(`${each} `)));
  if (two)
    return both || free >= uses * SECOND
      ? []
      : [
          missing(
            `${size(free)} of memory are free, and the application on port ${port} takes ${size(uses)}: the next release does not fit beside it`,
            `give the host more memory, or one slot: slots: [${port}] beside its address`,
          ),
        ];
  if (free >= uses) return [];
  return [
    note(
      `${size(free)} of memory are free, and the application takes ${size(uses)}: the rehearsal may not fit beside it`,
      'inventory: rehearse.on: none, knowing that',
    ),
  ];
}

function ownerOf(lines: Lines, port: number, word: 'slot' | 'master'): string | undefined {
  return lines
    .all('owner')
    .flatMap((line) => (line.startsWith(`${port} ${word} `) ? [line.split(' ')[2] ?? ''] : []))[0];
}
