import { Died, takes } from '../machine.ts';
import type { Script } from './here.ts';

export const drained: Script = function* (here, [port = '', deadline = '', onDeadline = '']) {
  const { fleet } = here;
  const begun = fleet.time.now;
  const slot = here.backend.slot(Number(port));
  for (;;) {
    if (fleet.occupied(slot) === undefined) {
      yield* takes(200);
      if (fleet.occupied(slot) === undefined)
        return `drained after ${Math.round(fleet.time.now - begun)} ms (3 connections at first)\n`;
      continue;
    }
    if (fleet.time.now - begun >= Number(deadline)) {
      if (onDeadline === 'proceed') return `not drained within ${deadline} ms: the restart goes on all the same\n`;
      throw new Died(1, `not drained within ${deadline} ms`, `10.0.0.10 still has 1 connection to port ${port}\n`);
    }
    yield* takes(100);
  }
};

export const switching: Script = function* (here, args) {
  const changes = yield* here.fenced(args);
  const [, , , , , release = '', port = '', , slotFile = '', , deadline = '', force = '', of = ''] = args;
  const { backend, fleet } = here;
  const slot = backend.slot(Number(port));
  const manifest = backend.releases.get(release);
  if (manifest === undefined || manifest === null) throw new Died(78, `${release} is not complete on this host`);
  const { virtualenv } = JSON.parse(manifest) as { virtualenv: string };
  if (backend.virtualenvs.get(virtualenv) !== true)
    throw new Died(78, `${release} lacks its virtual environment on this host`);
  const old = slot.process;
  const link = of === 'host' ? 'current' : release;
  if ((of === 'host' && backend.current !== release) || slot.link !== link) {
    backend.temporary.add('current.1');
    yield* takes(5);
    changes(`slot ${port} is ${release}`);
    if (of === 'host') backend.follow(release);
    else slot.linger = undefined;
    slot.link = link;
    backend.temporary.delete('current.1');
  }
  yield* takes(10);
  const own = old !== null && slot.switched?.process === old && slot.switched.token === args[1];
  if ((force !== 'restart' || own) && old?.release === release && slot.process === old)
    return `${release} runs already as process ${old.pid}\n`;
  const begun = fleet.time.now;
  const late = (): boolean => fleet.time.now - begun >= Number(deadline);
  changes(`its process is ended, for ${release}`);
  fleet.stopping(slot);
  yield* takes(fleet.chance.between(20, 400));
  if (of === 'host') backend.struck = false;
  if (slot.process === old) slot.end();
  else slot.start(0);
  const stopped = fleet.time.now;
  let ended: unknown = old;
  for (;;) {
    const { process } = slot;
    if (process !== null && process !== old) {
      if (process.release === release) {
        slot.switched = { token: args[1] ?? '', process };
        return `${release} runs as process ${process.pid}: stopped in ${Math.round(stopped - begun)} ms, started in ${Math.round(fleet.time.now - stopped)} ms\n`;
      }
      if (process !== ended) {
        ended = process;
        slot.end();
      }
    }
    if (slotFile !== '-' && !backend.wrapper && fleet.time.now - stopped > 500)
      throw new Died(
        1,
        `no wrapper runs for port ${port} (${slotFile}): install the service, or see why its manager does not start it`,
      );
    if (late()) throw new Died(1, `${release} does not run on port ${port} after it was asked to start`);
    yield* takes(20);
  }
};

export const linger: Script = function* (here, args) {
  const changes = yield* here.fenced(args);
  const [folder = '', token, , , , release = '', port = '', , seconds = ''] = args;
  const { backend, fleet, machine } = here;
  const slot = backend.slot(Number(port));
  const fence = machine.fences.get(folder);
  const stop = (): void => {
    fleet.stopping(slot);
    slot.link = null;
    slot.linger = undefined;
    slot.end();
  };
  yield* takes(10);
  changes(`current is ${release}`);
  if (slot.link === 'current') slot.link = backend.current;
  backend.follow(release);
  for (const each of backend.slots.values()) if (each !== slot) each.linger = undefined;
  if (seconds === '0') {
    changes(`what runs on ${port} is stopped`);
    stop();
    yield* takes(300);
  } else if (seconds !== '-') {
    const { boot, uptime } = machine;
    const until = Math.floor(uptime) + Number(seconds);
    slot.linger = { boot, until };
    const over = (): void => {
      if (machine.boot !== boot || !machine.up || machine.fences.get(folder) !== fence) return;
      if (fence?.token !== Number(token)) return;
      if (fleet.occupied(slot) === undefined) stop();
      else machine.time.after(1000, over);
    };
    machine.time.after((until - uptime) * 1000, over);
  }
  return 'done\n';
};

export const pruneReleases: Script = function* (here, args) {
  const changes = yield* here.fenced(args);
  const [, , , , , keep = '', ...kept] = args;
  const { backend } = here;
  const slots = [...backend.slots.values()].flatMap(({ serves, process }) => [serves, process?.release]);
  const used = new Set([...kept, backend.current, backend.previous, ...slots]);
  const complete = [...backend.releases]
    .flatMap(([name, json]) => (json === null ? [] : [name]))
    .toSorted()
    .toReversed();
  yield* takes(20);
  for (const name of complete.slice(Number(keep))) {
    if (used.has(name)) continue;
    changes(`${name} is removed`);
    backend.releases.delete(name);
  }
  for (const name of ['current.1']) backend.temporary.delete(name);
  return '0 releases and 0 virtual environments removed\n';
};
