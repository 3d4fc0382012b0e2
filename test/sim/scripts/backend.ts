import { Died, takes } from '../machine.ts';
import type { Script } from './here.ts';

export const drained: Script = function* (here, [port = '', deadline = '', onDeadline = '']) {
  const { fleet, host } = here;
  const begun = fleet.time.now;
  for (;;) {
    if (fleet.occupied(host) === undefined) {
      yield* takes(200);
      if (fleet.occupied(host) === undefined)
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
  const [, , , , , release = '', port = '', , slotFile = '', , deadline = '', force = ''] = args;
  const { backend, fleet, host } = here;
  const manifest = backend.releases.get(release);
  if (manifest === undefined || manifest === null) throw new Died(78, `${release} is not complete on this host`);
  const { virtualenv } = JSON.parse(manifest) as { virtualenv: string };
  if (backend.virtualenvs.get(virtualenv) !== true)
    throw new Died(78, `${release} lacks its virtual environment on this host`);
  const old = backend.process;
  if (backend.current !== release) {
    backend.temporary.add('current.1');
    yield* takes(5);
    changes(`current is ${release}`);
    if (backend.current !== null && backend.releases.has(backend.current)) backend.previous = backend.current;
    backend.current = release;
    backend.temporary.delete('current.1');
  }
  yield* takes(10);
  const own = old !== null && backend.switched?.process === old && backend.switched.token === args[1];
  if ((force !== 'restart' || own) && old?.release === release && backend.process === old)
    return `${release} runs already as process ${old.pid}\n`;
  const begun = fleet.time.now;
  const late = (): boolean => fleet.time.now - begun >= Number(deadline);
  changes(`its process is ended, for ${release}`);
  fleet.stopping(host);
  yield* takes(fleet.chance.between(20, 400));
  backend.struck = false;
  if (backend.process === old) backend.end();
  else backend.start(0);
  const stopped = fleet.time.now;
  let ended: unknown = old;
  for (;;) {
    const { process } = backend;
    if (process !== null && process !== old) {
      if (process.release === release) {
        backend.switched = { token: args[1] ?? '', process };
        return `${release} runs as process ${process.pid}: stopped in ${Math.round(stopped - begun)} ms, started in ${Math.round(fleet.time.now - stopped)} ms\n`;
      }
      if (process !== ended) {
        ended = process;
        backend.end();
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

export const pruneReleases: Script = function* (here, args) {
  const changes = yield* here.fenced(args);
  const [, , , , , keep = '', ...kept] = args;
  const { backend } = here;
  const used = new Set([...kept, backend.current, backend.previous, backend.process?.release]);
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
