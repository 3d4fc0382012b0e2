import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { change, type Change, type ChangeOptions } from '../src/change.ts';
import { Refusal } from '../src/core/failure.ts';
import type { Phase, Plan } from '../src/core/plan.ts';
import { refused } from '../src/core/planning/refusal.ts';
import type { Outcome } from '../src/core/outcome.ts';
import { ConnectError, type RemoteCall } from '../src/fleet/ports.ts';
import { worldOf, V1, V2 } from './core/planning/world.ts';
import { exited, fakeRemote, lost } from './fleet/fake-remote.ts';
import { openedWith } from './opened.ts';

const BALANCER = 'boot b\nuptime 1\nfolder writable\nfile missing\n';
/** A process of a release on the port. */
const backend = (release: string): string =>
  `boot b\nuptime 1\nroot writable /srv/www/shop\ncurrent ${release}\nmaster 8000 10 100 /srv/www/shop/${release}/repository\n`;

/** One phase in which the script runs on the hosts. */
const phase = (script: string, ...hosts: string[]): Phase => ({
  name: 'batch',
  title: script,
  tracks: hosts.map((host) => ({
    host,
    steps: [{ kind: 'run', say: script, script, fence: '/fence', calls: [{ host, args: [] }], deadline: 1000 }],
  })),
});
const plan = (title: string, ...phases: Phase[]): Plan => ({
  version: 1,
  app: 'shop',
  title,
  from: V1,
  to: V2,
  phases,
  notes: [],
});
const planned = (each: Plan) => ({ kind: 'planned', plan: each }) as const;

interface Story {
  readonly wayBack?: boolean;
  readonly change?: Partial<Change>;
  readonly options?: Partial<ChangeOptions>;
  /** What a script of a plan answers; the rest ends well. */
  readonly answer?: (script: string, host: string, call: RemoteCall) => Outcome | Promise<Outcome> | undefined;
  readonly runs?: Readonly<Record<string, string>>;
}

/** Two balancers and three backends; the plan runs `forward` on all backends, the way back `back`. */
function scene({ change: more = {}, options = {}, answer = () => undefined, runs = {}, wayBack = true }: Story) {
  const world = worldOf({ backends: 3, balancers: 2 });
  const rounds: ReadonlySet<string>[] = [];
  const remote = fakeRemote(async (call) => {
    const script = call.name.replace('orchestrate-', '');
    const told = await answer(script, call.host, call);
    if (told !== undefined) return told;
    if (script === 'observe-balancer') return exited(BALANCER);
    return exited(script === 'observe-backend' ? backend(runs[call.host] ?? V1) : '');
  });
  const made = openedWith(world.inventory, { remote });
  const { back, ...wanted }: Change = {
    command: 'roll',
    plan: () => planned(plan('all hosts', phase('forward', 'web1', 'web2', 'web3'))),
    back: (_view, _author, _failed, givenUp) => {
      rounds.push(new Set(givenUp));
      const left = ['web1', 'web2', 'web3'].filter((host) => !givenUp.has(host));
      const once = rounds.length === 1 || rounds.at(-2)?.size !== givenUp.size;
      return planned(plan('back', ...(once ? [phase('back', ...left)] : [])));
    },
    ...more,
  };
  const run = () =>
    change(made.opened, wayBack && back !== undefined ? { ...wanted, back } : wanted, {
      dryRun: false,
      yes: true,
      show: () => {},
      stop: new AbortController().signal,
      ...options,
    });
  const scripts = (): string[] => made.calls.map((call) => call.split(' ').slice(0, 2).join(' '));
  return { ...made, rounds, run, scripts };
}

const count = (calls: readonly string[], script: string): number =>
  calls.filter((call) => call.endsWith(` ${script}`)).length;

/** That the lease is given up is the last that happens on a balancer. */
function assertGivenUp(calls: readonly string[]): void {
  assert.deepEqual(
    calls
      .filter((call) => call.includes(' lease '))
      .map((call) => call.split(' ').slice(0, 3).join(' '))
      .slice(-2),
    ['lb1 lease release', 'lb2 lease release'],
  );
}

describe('a change', () => {
  test('is looked at, leased, fenced, looked at again, run, looked at once more, and given up', async () => {
    const { run, scripts, calls, events } = scene({
      runs: { web1: V2, web2: V2, web3: V2 },
      change: { plan: () => planned({ ...plan('x', phase('forward', 'web1')), to: V2 }) },
    });
    await run();
    const kinds = scripts()
      .map((call) => call.split(' ')[1])
      .filter((script) => script !== 'log-tail');
    assert.deepEqual(
      kinds.filter((kind, at) => kind !== kinds[at - 1] && kind !== 'observe-balancer'),
      ['observe-backend', 'lease', 'fence', 'observe-backend', 'forward', 'observe-backend', 'lease'],
    );
    assertGivenUp(calls);
    assert.equal(events.at(-1)?.type, 'finished');
  });

  test('that is nothing to do takes no lease', async () => {
    const { run, calls } = scene({ change: { plan: () => planned(plan('nothing')) } });
    assert.equal(await run(), 0);
    assert.ok(!calls.some((call) => call.includes(' lease ')));
  });

  test('is refused without a person to ask and without --yes; --dry-run shows and changes nothing', async () => {
    const { run, calls } = scene({ options: { yes: false } });
    await assert.rejects(run(), (error) => error instanceof Refusal && error.exit === 2);
    let shown = 0;
    const dry = scene({ options: { dryRun: true, show: () => (shown += 1) } });
    assert.equal(await dry.run(), 0);
    assert.equal(shown, 1);
    assert.ok(![...calls, ...dry.calls].some((call) => / (lease|fence|forward) /.test(call)));
  });

  test('that differs once the lease is held is asked again', async () => {
    const asked: string[] = [];
    let looks = 0;
    const { run, calls } = scene({
      change: { plan: () => planned(plan(`plan ${(looks += 1)}`, phase('forward', 'web1'))) },
      options: { yes: false, ask: ({ title }) => Promise.resolve(asked.push(title) < 2) },
    });
    assert.equal(await run(), 3);
    assert.deepEqual(asked, ['plan 1', 'plan 2']);
    assert.equal(count(calls, 'forward'), 0);
    assertGivenUp(calls);
  });

  test('that is refused once the lease is held gives it up', async () => {
    let looks = 0;
    const { run, calls } = scene({
      change: {
        plan: () => ((looks += 1) === 1 ? planned(plan('x', phase('forward', 'web1'))) : refused('no', 'wait')),
      },
    });
    await assert.rejects(run(), (error) => error instanceof Refusal && error.exit === 3);
    assertGivenUp(calls);
  });
});

describe('a failure', () => {
  const fails = (script: string, host: string) =>
    script === 'forward' && host === 'web2' ? exited('', 1, 'it broke') : undefined;

  test('is followed by a barrier on every host, a look, the way back, and another look that finds nothing left: exit 1', async () => {
    const { run, scripts, rounds, events, calls } = scene({ answer: fails });
    assert.equal(await run(), 1);
    const all = scripts();
    const after = all
      .slice(all.lastIndexOf('web3 forward') + 1)
      .filter((call) => !/log-tail|observe-balancer/.test(call));
    assert.deepEqual(after.slice(0, 5), ['lb1 fence', 'lb2 fence', 'web1 fence', 'web2 fence', 'web3 fence']);
    assert.ok(after.indexOf('web1 observe-backend') < after.indexOf('web1 back'));
    assert.equal(rounds.length, 2);
    assert.deepEqual(events.filter(({ type }) => type === 'going back').length, 1);
    assertGivenUp(calls);
  });

  test('that leaves two releases in rotation is exit 4', async () => {
    const { run, events } = scene({ answer: fails, runs: { web3: V2 } });
    assert.equal(await run(), 4);
    assert.ok(events.some((event) => event.type === 'note' && event.text.startsWith('what is in rotation is mixed')));
  });

  test('of a backend on the way back too is not the others’: they come back without it', async () => {
    const { run, rounds, calls } = scene({
      answer: (script, host) =>
        host === 'web2' && /forward|back$/.test(script) && !script.startsWith('observe') ? exited('', 1) : undefined,
    });
    assert.equal(await run(), 1);
    assert.deepEqual(
      rounds.map((each) => [...each]),
      [[], ['web2'], ['web2']],
    );
    assert.deepEqual(
      calls.filter((call) => call.includes(' back ')).map((call) => call.split(' ')[0]),
      ['web1', 'web2', 'web3', 'web1', 'web3'],
    );
  });

  test('of a balancer on the way back ends it: exit 4', async () => {
    const { run, rounds } = scene({
      answer: fails,
      change: { back: () => planned(plan('back', phase('flip', 'lb1'))) },
    });
    assert.equal(await run(), 4, 'it comes to an end though the plan never does');
    assert.equal(rounds.length, 0);
    const broken = scene({
      answer: (script, host) => fails(script, host) ?? (script === 'flip' ? exited('', 77) : undefined),
      change: { back: () => planned(plan('back', phase('flip', 'lb1'))) },
    });
    assert.equal(await broken.run(), 4);
    assert.equal(count(broken.scripts(), 'flip'), 1);
  });

  test('from which there is no way back is exit 4, and told', async () => {
    const { run, events } = scene({ answer: fails, change: { back: () => refused('there is no release', 'mend it') } });
    assert.equal(await run(), 4);
    assert.ok(events.some((event) => event.type === 'failed' && event.failure.what === 'there is no release'));
  });

  test('after what must not be taken back is exit 4, and nothing is touched any more', async () => {
    const { run, scripts } = scene({ answer: fails, change: { mayNotGoBack: () => 'a migration' } });
    assert.equal(await run(), 4);
    assert.equal(count(scripts(), 'back'), 0);
  });

  test('of a verb without a way back is exit 1', async () => {
    const { run, scripts } = scene({ answer: fails, wayBack: false });
    assert.equal(await run(), 1);
    assert.equal(count(scripts(), 'back'), 0);
  });

  test('of our own puts the fleet back all the same', async () => {
    const { run, rounds, events } = scene({
      answer: (script, host) => {
        if (script === 'forward' && host === 'web1') throw new TypeError('oh');
        return undefined;
      },
    });
    assert.equal(await run(), 1);
    assert.equal(rounds.length, 2);
    assert.ok(events.some((event) => event.type === 'failed' && /fault of orchestrate/.test(event.failure.what)));
  });

  test('by a lost link: a host that does not answer the barrier counts as unreachable on the way back', async () => {
    let cut = false;
    const seen: string[][] = [];
    const { run } = scene({
      answer: (script, host) => {
        if (host !== 'web2') return undefined;
        if (script === 'forward') {
          cut = true;
          return lost();
        }
        return cut && script === 'fence' ? exited('', 76, 'another script holds the lock') : undefined;
      },
      change: {
        back: (view) => {
          seen.push(Object.entries(view.backends).flatMap(([name, { kind }]) => (kind === 'seen' ? [name] : [])));
          return planned(plan('back'));
        },
      },
    });
    await run();
    assert.deepEqual(seen, [['web1', 'web3']]);
  });

  test('of our own on the way back is exit 4, and told', async () => {
    const { run, events, calls } = scene({
      answer: fails,
      change: {
        back: () => {
          throw new TypeError('oh');
        },
      },
    });
    assert.equal(await run(), 4);
    assert.equal(events.filter(({ type }) => type === 'failed').length, 2);
    assertGivenUp(calls);
  });

  test('to look on the way back is told, and the lease is given up', async () => {
    let failed = false;
    const { run, calls } = scene({
      answer: (script, host) => {
        if (script === 'forward') failed = true;
        if (failed && host === 'lb1' && script !== 'lease')
          throw new ConnectError('lb1', 'unreachable', 'no route', '');
        return fails(script, host);
      },
      change: {
        back: (view) => (view.balancers['lb1']?.kind === 'seen' ? planned(plan('back')) : refused('lb1 is away', '')),
      },
    });
    assert.equal(await run(), 4);
    assertGivenUp(calls);
  });
});

describe('what is to be done before', () => {
  test('is told what will be done, under the lease, before anything is looked at again', async () => {
    const { run, scripts, events, calls } = scene({
      options: {
        before: (beginning) => {
          assert.deepEqual([beginning.number, beginning.command, beginning.from, beginning.to], [1, 'roll', V1, V2]);
          assert.deepEqual(beginning.hosts, ['web1', 'web2', 'web3']);
          assert.ok(calls.some((call) => call.startsWith('lb2 lease acquire')));
          calls.push('before');
          return Promise.resolve();
        },
      },
    });
    assert.equal(await run(), 0);
    const after = scripts().slice(scripts().indexOf('before'));
    assert.ok(after.includes('lb1 observe-balancer') && after.includes('web1 forward'));
    assert.ok(!scripts().slice(0, scripts().indexOf('before')).includes('web1 forward'));
    const began = events.find(({ type }) => type === 'began');
    assert.ok(began?.type === 'began' && began.number === 1 && began.by === 'bob@laptop');
  });

  test('may refuse: nothing was changed, and the lease is given up', async () => {
    const { run, scripts, calls } = scene({
      options: { before: () => Promise.reject(new Refusal(3, 'a ticket is open', 'Close it.')) },
    });
    await assert.rejects(run(), /a ticket is open/);
    assert.ok(!scripts().includes('web1 forward'));
    assert.ok(calls.at(-1)?.includes('lease release'));
  });
});

describe('a person who asks to stop', () => {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)
    test(`by ${signal} lets the phase end, begins nothing further, and gives the lease up: exit ${code}`, async () => {
      const stop = new AbortController();
      const { run, scripts, rounds, calls } = scene({
        options: { stop: stop.signal },
        change: { plan: () => planned(plan('x', phase('one', 'web1', 'web2'), phase('two', 'web1'))) },
        answer: (script) => {
          if (script === 'one') stop.abort(signal);
          return undefined;
        },
      });
      assert.equal(await run(), code);
      assert.equal(count(scripts(), 'one'), 2);
      assert.equal(count(scripts(), 'two'), 0);
      assert.equal(rounds.length, 0, 'nothing goes back');
      assertGivenUp(calls);
    });

  test('while a step fails gets the fleet back on one version all the same', async () => {
    const stop = new AbortController();
    const { run, scripts, rounds } = scene({
      options: { stop: stop.signal },
      answer: (script) => {
        if (script !== 'forward') return undefined;
        stop.abort('SIGINT');
        return exited('', 1, 'no');
      },
    });
    assert.equal(await run(), 130);
    assert.equal(count(scripts(), 'back'), 3, 'going back is not stopped');
    assert.equal(rounds.length, 2);
  });

  test('too late for anything to be left undone changes nothing', async () => {
    const stop = new AbortController();
    const { run } = scene({
      options: { stop: stop.signal },
      change: {
        plan: () => planned({ version: 1, app: 'shop', title: 'x', phases: [phase('one', 'web1')], notes: [] }),
      },
      answer: (script) => {
        if (script === 'one') stop.abort('SIGINT');
        return undefined;
      },
    });
    assert.equal(await run(), 0);
  });
});
