import { generationName } from '../../../src/core/planning/generation-steps.ts';
import { parseRecord } from '../../../src/core/record.ts';
import { sha256 } from '../fleet.ts';
import { durationOf } from '../hosts.ts';
import { Died, input, takes, type Steps } from '../machine.ts';
import type { Here, Script } from './here.ts';

const text = (): Steps<string | null> => input();

/** prepare_generation of generation.sh. */
function* prepared(here: Here, number: string, lanes: readonly string[], changes: (what: string) => void): Steps<void> {
  const { balancer, fleet } = here;
  const making = `generations/new-${number}`;
  balancer.temporary.add(making);
  const record = yield* text();
  yield* takes(30);
  if (record === null || record === '') throw new Died(78, 'no record came');
  const read = parseRecord(record);
  if ('problem' in read) fleet.never(`${here.host} is given a record that can't be read: ${read.problem}`);
  const generation = Number(number);
  const others = new Map(lanes.map((pair) => pair.split('=') as [string, string]));
  const lane = others.get('stable') ?? '';
  others.delete('stable');
  const old = balancer.generations.get(generation);
  if (old !== undefined && (old.record !== record || old.lane !== lane)) {
    if (balancer.live === generation) throw new Died(77, `generation ${number} serves already, and it is another`);
    balancer.generations.delete(generation);
  }
  changes(`generation ${number} is prepared`);
  balancer.generations.set(generation, { lane, others, record });
  balancer.temporary.delete(making);
}

/** flip_generation and prune_generations. */
function* flipped(here: Here, expected: string, number: string, changes: (what: string) => void): Steps<void> {
  const { balancer } = here;
  const now = generationName(balancer.live);
  if (now !== number) {
    if (now !== expected) throw new Died(77, `generation ${now} serves, not ${expected}`);
    if (!balancer.generations.has(Number(number))) throw new Died(78, `generation ${number} was not prepared`);
    balancer.temporary.add('live.1');
    yield* takes(5);
    changes(`generation ${number} serves`);
    here.fleet.moving(here.host, () => balancer.flip(Number(number)));
    balancer.temporary.delete('live.1');
  }
  yield* takes(15);
  balancer.temporary.clear();
  for (const each of [...balancer.generations.keys()].toSorted((a, b) => a - b).slice(0, -50))
    if (each !== balancer.live) balancer.generations.delete(each);
}

export const prepare: Script = function* (here, args) {
  const changes = yield* here.fenced(args);
  const [, , , , number = '', ...lanes] = args;
  yield* prepared(here, number, lanes, changes);
  return `prepared ${number}\n`;
};

export const flip: Script = function* (here, args) {
  const changes = yield* here.fenced(args);
  const [, , , , expected = '', number = ''] = args;
  yield* flipped(here, expected, number, changes);
  return `live ${number}\n`;
};

export const move: Script = function* (here, args) {
  const changes = yield* here.fenced(args);
  const [, , , , expected = '', number = '', ...lanes] = args;
  const now = generationName(here.balancer.live);
  if (now !== expected && now !== number) throw new Died(77, `generation ${now} serves, not ${expected}`);
  yield* prepared(here, number, lanes, changes);
  yield* flipped(here, expected, number, changes);
  return `live ${number}\n`;
};

export const configuration: Script = function* (here, args) {
  const changes = yield* here.fenced(args);
  const [, , , , action = '', , , expected = ''] = args;
  const { balancer, fleet } = here;
  if (fleet.inventory.nginx.configuration === 'fixed') fleet.never(`${here.host}: its configuration is fixed`);
  const sum = (of: string | null): string => (of === null ? 'none' : sha256(of));
  switch (action) {
    case 'install': {
      balancer.temporary.add('shop.conf.new');
      const fresh = yield* text();
      yield* takes(60);
      balancer.temporary.delete('shop.conf.new');
      if (fresh === null || fresh === '') throw new Died(78, 'no text came');
      if (sum(balancer.file) === sha256(fresh)) return `same ${sha256(fresh)}\n`;
      if (sum(balancer.file) !== expected) throw new Died(77, 'the file is not what was observed');
      changes('the configuration is written');
      balancer.former = balancer.file;
      balancer.file = fresh;
      yield* takes(90);
      return `installed ${sha256(fresh)}\n`;
    }
    case 'restore':
      changes('the former configuration is put back');
      if (balancer.former !== undefined) balancer.file = balancer.former;
      balancer.former = undefined;
      yield* takes(90);
      return `restored ${sum(balancer.file)}\n`;
    default:
      changes('the former configuration is forgotten');
      balancer.former = undefined;
      return 'kept\n';
  }
};

export const quiesce: Script = function* (here, [seconds = '']) {
  const { balancer, fleet } = here;
  if (!balancer.lane.startsWith('closing-'))
    fleet.never(`clients of ${here.host} are waited for while nothing makes them let go`);
  const { live } = balancer;
  yield* takes(Math.min(Number(seconds) * 1000, fleet.chance.between(0, 10_000)));
  if (balancer.live === live) balancer.quiesced = true;
  return 'connections 12\nleft 0\n';
};

export const reload: Script = function* (here, args) {
  const changes = yield* here.fenced(args);
  const { balancer, fleet } = here;
  const before = balancer.workers.filter(({ ending }) => !ending);
  const { reloaded } = balancer;
  const proved =
    reloaded?.text === balancer.file &&
    before.length === reloaded.workers.length &&
    before.every((worker) => reloaded.workers.includes(worker));
  if (proved && args[7] !== undefined) return `loaded already\nending ${balancer.workers.length - before.length}\n`;
  if (before.length === 0) throw new Died(78, 'no worker process of Nginx to be seen');
  if (
    fleet.inventory.nginx.switch === 'live' &&
    balancer.live !== null &&
    balancer.loaded !== null &&
    !balancer.quiesced
  )
    fleet.never(`Nginx of ${here.host} is reloaded while clients hold connections`);
  changes('Nginx is reloaded');
  fleet.moving(here.host, () => balancer.load(balancer.workers));
  for (const worker of before) {
    const { boot } = here.machine;
    fleet.time.after(durationOf(fleet.chance, fleet.calm), () => {
      if (here.machine.boot === boot) balancer.workers = balancer.workers.filter((each) => each !== worker);
    });
  }
  yield* takes(120);
  balancer.reloaded = { text: balancer.file, workers: balancer.workers.filter(({ ending }) => !ending) };
  return `reloaded 120\nending ${before.length}\n`;
};

export const oldWorkers: Script = function* ({ balancer, fleet }, [seconds = '']) {
  const begun = fleet.time.now;
  for (;;) {
    const left = balancer.workers.filter(({ ending }) => ending).length;
    const took = Math.floor((fleet.time.now - begun) / 1000);
    if (left === 0) return `old workers gone after ${took} s\n`;
    if (took >= Number(seconds))
      throw new Died(1, `${left} old workers of Nginx still answer requests after ${took} s`);
    yield* takes(100);
  }
};

export const awaiting: Script = function* ({ balancer, fleet }, [deadline = '', onDeadline = '']) {
  const begun = fleet.time.now;
  yield* takes(100);
  let count = 0;
  for (const _ of [1, 2]) {
    const left = new Set(balancer.connecting);
    count += left.size;
    while (balancer.connecting.some((each) => left.has(each))) {
      if (fleet.time.now - begun >= Number(deadline)) {
        if (onDeadline === 'proceed') return `awaited ${count}\n`;
        throw new Died(1, `after ${deadline} ms Nginx still tries to reach a backend for requests of before the flip`);
      }
      yield* takes(100);
    }
  }
  return `awaited ${count}\n`;
};
