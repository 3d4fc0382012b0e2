import { gzipSync } from 'node:zlib';
import type { Event } from '../../../src/core/event.ts';
import { journalLine } from '../../../src/core/journal.ts';
import { generationName } from '../../../src/core/planning/generation-steps.ts';
import { PLATFORM, PYTHON, sha256 } from '../fleet.ts';
import type { SimSlot } from '../hosts.ts';
import { takes } from '../machine.ts';
import type { Script } from './here.ts';
import { leaseJson } from './lease.ts';

/** observe-balancer.sh */
export const observeBalancer: Script = function* (here, [folder = '', , known = '']) {
  yield* takes(25);
  const { balancer, machine } = here;
  const { live, generations, file, former, flipped } = balancer;
  const fence = machine.fences.get(folder);
  const lease = leaseJson(here);
  const highest = Math.max(0, ...generations.keys());
  const sum = file === null ? '' : sha256(file);
  return lines([
    `boot ${machine.boot}`,
    `uptime ${machine.uptime.toFixed(2)}`,
    'version 1.22.1',
    ...(balancer.workers.length > 0 ? ['master 99'] : []),
    ...balancer.workers.map(({ pid, start, ending }) => `worker ${pid} ${start} ${ending ? 'ending' : 'serving'}`),
    'folder writable',
    `live ${live === null ? 'none' : `generations/${generationName(live)}`}`,
    ...(live === null ? [] : [`record ${generations.get(live)?.record.trim()}`, `lane stable ${balancer.lane}`]),
    ...[...(generations.get(live ?? -1)?.others ?? [])].map(([lane, to]) => `lane ${lane} ${to}`),
    ...[...generations]
      .toSorted(([a], [b]) => a - b)
      .slice(-100)
      .map(([number, { record }]) => `generation ${generationName(number)} ${sha256(record)}`),
    ...(flipped === undefined
      ? []
      : [`flipped ${generationName(flipped)} ${sha256(generations.get(flipped)?.record ?? '')}`]),
    ...(highest > 0 ? [`highest ${generationName(highest)}`] : []),
    ...(lease === null ? [] : [`lease ${lease}`]),
    ...(fence === undefined ? [] : [`fence ${fence.token} ${fence.sequence} ${fence.holder}`]),
    ...(file === null ? ['file missing'] : ['file readable', `sha256 ${sum}`]),
    ...(file === null || sum === known ? [] : [`text ${gzipSync(file).toString('base64')}`]),
    ...(former === undefined ? [] : ['former yes']),
  ]);
};

/** observe-backend.sh */
export const observeBackend: Script = function* (here, [root = '']) {
  yield* takes(30);
  const { backend, machine } = here;
  const fence = machine.fences.get(`${root}/.orchestrate`);
  return lines([
    `boot ${machine.boot}`,
    `uptime ${machine.uptime.toFixed(2)}`,
    'user deploy',
    `python ${PYTHON}`,
    `platform ${PLATFORM}`,
    `root writable ${root}`,
    `free ${machine.full ? 0 : 1e10} 1000000`,
    ...(fence === undefined ? [] : [`fence ${fence.token} ${fence.sequence} ${fence.holder}`]),
    ...(backend.oneWay === undefined ? [] : [`one-way ${backend.oneWay}`]),
    ...(backend.current === null ? [] : [`current ${backend.current}`]),
    ...(backend.previous === null ? [] : [`previous ${backend.previous}`]),
    ...[...backend.releases].map(([name, json]) =>
      json === null ? `incomplete ${name}` : `release ${name} ${json.trim()}`,
    ),
    ...[...backend.virtualenvs].flatMap(([key, complete]) => (complete ? [`virtualenv ${key}`] : [])),
    'run writable',
    ...[...backend.slots.values()].flatMap((slot) => observedSlot(slot, root)),
  ]);
};

function observedSlot({ backend, port, link, serves, linger, process }: SimSlot, root: string): string[] {
  const cwd = `${root}/${process?.release}/repository`;
  return [
    ...(serves === null ? [] : [`slot ${port} ../${link}`]),
    ...(linger === undefined ? [] : [`linger ${port} ${linger.boot} ${linger.until}`]),
    ...(backend.wrapper ? [`wrapper ${port} 50`] : []),
    ...(process === null
      ? []
      : [
          `listening ${port}`,
          `master ${port} ${process.pid} ${process.start} ${cwd}`,
          `worker ${port} ${process.pid + 100_000} ${process.start} ${cwd}`,
          `command ${port} gunicorn shop.wsgi`,
        ]),
  ];
}

/** reach.sh */
export const reach: Script = function* () {
  yield* takes(1);
  return 'here\n';
};

/** log-tail.sh: all requests came by the routing. */
export const logTail: Script = function* () {
  yield* takes(10);
  return 'lines 0\nstrange 0\n';
};

/** history.sh: what earlier commands left behind. */
export const history: Script = function* (here, [action, , name]) {
  yield* takes(10);
  const line = (event: Event | undefined): string => (event === undefined ? '' : (journalLine(event, 0) ?? ''));
  const head = [`boot ${here.machine.boot}`, `uptime ${here.machine.uptime.toFixed(2)}`];
  const { past } = here.fleet;
  if (action === 'show') return lines([...head, 'journal', ...(past.get(Number(name)) ?? []).map(line)]);
  const told = [...past].flatMap(([number, events]) => [
    `command ${String(number).padStart(6, '0')}`,
    `lines ${events.length}`,
    `first ${line(events[0])}`,
    `finished ${line(events.at(-1))}`,
    `last ${line(events.at(-1))}`,
  ]);
  return lines([...head, ...told]);
};

/** application-log.sh */
export const applicationLog: Script = function* () {
  yield* takes(10);
  return 'Starting gunicorn 20.1.0\n';
};

/** bake-counts.sh: twenty requests for each backend in rotation in each slice of 5 s, without an error. The log's offset is the time. */
export const bakeCounts: Script = function* (here, [, offset = '-']) {
  yield* takes(10);
  const now = Math.floor(here.fleet.now / 1000);
  const over = Math.floor((now - 1) / 5) * 5;
  const from = offset === '-' ? over : Number(offset);
  const sends = here.fleet.sends(here.balancer);
  const sockets = here.fleet.inventory.backends.flatMap(({ name, address }) =>
    [...here.fleet.backends.get(name)!.slots.values()].flatMap((slot) =>
      sends.has(slot) ? [`${address}:${slot.port}`] : [],
    ),
  );
  const slices: string[] = [];
  for (let epoch = Math.max(from, over - 60); epoch < over; epoch += 5)
    slices.push(...sockets.map((socket) => `slice ${epoch} ${socket} 20 0`));
  return lines([...slices, `at ${Math.max(from, over)} 1`, 'strange 0']);
};

const lines = (of: readonly string[]): string => `${of.join('\n')}\n`;
