import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ChangeOptions } from '../src/change.ts';
import { sentences } from '../src/core/sentences.ts';
import type { Event } from '../src/core/event.ts';
import { Refusal } from '../src/core/failure.ts';
import type { Inventory } from '../src/core/inventory.ts';
import type { Opened } from '../src/open.ts';
import { drainChange } from '../src/verbs/drain.ts';
import { enableChange } from '../src/verbs/enable.ts';
import type { NowFlags } from '../src/verbs/guarded.ts';
import { resumeChange } from '../src/verbs/resume.ts';
import { rollbackChange } from '../src/verbs/rollback.ts';
import { rollChange } from '../src/verbs/roll.ts';
import { releaseName } from '../src/core/release.ts';
import { inventoryOf } from './core/inventory/world.ts';
import { V1, worldOf } from './core/planning/world.ts';
import { EPOCH, SimFleet, type SimWish } from './sim/fleet.ts';
import { Operator, type Begun, type Ending } from './sim/operator.ts';
import { at, began, finished } from './tell/world.ts';

const HOUR = 3_600_000;
const MINUTE = 60_000;
const WINDOWS = '[{ days: mon-thu, from: "02:00", to: "05:00" }]';

interface Scene {
  readonly wish?: SimWish;
  /** As written in the inventory. */
  readonly windows?: string;
  readonly freezes?: string;
  readonly onClose?: Inventory['windows_on_close'];
  readonly pause?: number;
  /** Hours since midnight of a Monday, in UTC. */
  readonly at: number;
}

/** A fleet whose three backends run V1, and its clock. */
function scene({ wish = {}, windows = WINDOWS, freezes = '[]', onClose = 'finish', pause = 0, at: hour }: Scene) {
  const { inventory } = worldOf({ backends: 3, balancers: 1, ...wish });
  const read = inventoryOf({ windows, freezes });
  const fleet = new SimFleet({ backends: 3, balancers: 1, ...wish }, 1, {
    ...inventory,
    roll: { ...inventory.roll, pause },
    windows: read.windows,
    freezes: read.freezes,
    windows_on_close: onClose,
  });
  fleet.jump = hour * HOUR;
  const release = releaseName(fleet.now, '2222222');
  /** What happens at the first call of a script from then on. */
  const atCall = new Map<string, () => void>();
  const run = async (
    verb: (opened: Opened) => Promise<Begun>,
    options: Partial<ChangeOptions> = {},
  ): Promise<{ ending: Ending; operator: Operator; notes: string[] }> => {
    const operator = new Operator(fleet, 'ada');
    operator.onCall = (call) => {
      const script = call.name.replace('orchestrate-', '');
      atCall.get(script)?.();
      atCall.delete(script);
      return {};
    };
    operator.begin(verb, options);
    await fleet.time.pass(() => operator.ending !== undefined, 400 * 24 * HOUR);
    const notes = operator.events.flatMap((event) => (event.type === 'note' ? [event.text] : []));
    assert.deepEqual(fleet.violations, []);
    return { ending: operator.ending!, operator, notes };
  };
  const roll = (flags: NowFlags = {}, options: Partial<ChangeOptions> = {}) =>
    run(async (opened) => ({ change: await rollChange(opened, { ref: '2', ...flags }) }), options);
  return {
    fleet,
    run,
    roll,
    release,
    resume: (flags: NowFlags = {}) => run((opened) => resumeChange(opened, flags)),
    /** The clock is set when a script is called for the first time from now on. */
    clockAt: (script: string, hours: number) => atCall.set(script, () => (fleet.jump += hours * HOUR)),
    running: () => [...fleet.backends.keys()].map((name) => fleet.serving(name).process?.release),
    changing: () => fleet.calls.filter(({ script }) => !/^(observe-|log-tail|history)/.test(script)),
  };
}

const exit = (ending: Ending): unknown => (ending.kind === 'exit' ? ending.exit : ending);
function refusal(ending: Ending): Refusal {
  assert.equal(ending.kind, 'refused');
  return ending.kind === 'refused' ? ending.refusal : assert.fail();
}

describe('a roll outside of the windows', () => {
  test('is refused before anything is written, with the next opening and the ways out', async () => {
    const { roll, changing } = scene({ at: 12 });
    const { exit: code, message, details, next } = refusal((await roll()).ending);
    assert.equal(code, 3);
    assert.equal(message, 'A release may not be rolled now: no window is open.');
    assert.deepEqual(details, ['The next opening is Tue 2026-11-24 02:00 UTC, for 3 h: mon-thu 02:00 to 05:00 (UTC).']);
    assert.match(next, /--wait-window.*--now --reason .*`orchestrate windows`/);
    assert.deepEqual(changing(), []);
  });

  test('in a freeze tells its reason, also where a window is open', async () => {
    const { roll, changing } = scene({ at: 3, freezes: '[{ from: 2026-11-20, to: 2026-11-24, reason: a sale }]' });
    const { message, details } = refusal((await roll()).ending);
    assert.match(message, /: the freeze \(a sale\) holds until Wed 2026-11-25 00:00 UTC\.$/);
    assert.match(details[0] ?? '', /^The next opening is Wed 2026-11-25 02:00 UTC/);
    assert.deepEqual(changing(), []);
  });

  test('tells instants in the reader’s zone too', async () => {
    const { roll, fleet } = scene({ at: 12, windows: '[{ days: tue, from: "02:00", to: "05:00" }]' });
    Object.assign(fleet.inventory, { time_zone: 'Europe/Berlin' });
    const { details } = refusal((await roll()).ending);
    assert.match(
      details[0] ?? '',
      /^The next opening is Tue 2026-11-24 03:00 Europe\/Berlin \(Tue 2026-11-24 02:00 UTC\)/,
    );
  });

  test('is only shown by plan and --dry-run, which say when it may begin', async () => {
    const shown: string[][] = [];
    const show: ChangeOptions['show'] = (plan) => void shown.push(sentences(plan));
    assert.equal(exit((await scene({ at: 12 }).roll({}, { dryRun: true, show })).ending), 0);
    assert.equal(exit((await scene({ at: 3 }).roll({}, { dryRun: true, show })).ending), 0);
    const notes = shown.map((lines) => lines.findLast((line) => line.startsWith('  note: ')));
    assert.match(
      notes[0] ?? '',
      /it may not begin now: no window is open; the next opening is Tue 2026-11-24 02:00 UTC/,
    );
    assert.match(
      notes[1] ?? '',
      /it may begin now: mon-thu 02:00 to 05:00 \(UTC\) is open until Mon 2026-11-23 05:00 UTC/,
    );
  });

  test('is refused under the lease too, when the window closed meanwhile; the lease is given up', async () => {
    const { roll, fleet, changing } = scene({ at: 3 });
    const before = (): Promise<void> => {
      fleet.jump += 3 * HOUR;
      return Promise.resolve();
    };
    assert.match(refusal((await roll({}, { before })).ending).message, /no window is open/);
    assert.deepEqual(
      changing().map(({ script, args }) => (script === 'lease' ? `lease ${args[0]}` : script)),
      ['lease acquire', 'fence', 'fence', 'fence', 'fence', 'lease release'],
    );
  });

  test('with nothing to do is not refused', async () => {
    const { run } = scene({ at: 12 });
    assert.equal(exit((await run(async (opened) => ({ change: await rollChange(opened, { ref: '1' }) }))).ending), 0);
  });

  test('by a person’s word begins all the same, aloud, and the history has the reason', async () => {
    const { roll, running, release, clockAt } = scene({ at: 12, onClose: 'rollback' });
    clockAt('switch', 1);
    const { ending, operator, notes } = await roll({ now: true, reason: 'the shop is "down"' });
    assert.equal(exit(ending), 0);
    assert.deepEqual(new Set(running()), new Set([release]));
    const beginning = operator.events.find(({ type }) => type === 'began');
    assert.equal(
      beginning?.type === 'began' && beginning.command,
      'roll --ref 2 --now --reason "the shop is \\"down\\""',
    );
    assert.ok(
      notes.some((text) =>
        text.startsWith('--now: windows and freezes are left aside: the shop is "down" (no window is open; the next'),
      ),
    );
  });

  test('--now needs a reason, a reason needs --now, and a reason is short', async () => {
    const { roll } = scene({ at: 12 });
    for (const flags of [
      { now: true },
      { now: true, reason: ' ' },
      { reason: 'x' },
      { now: true, reason: 'x'.repeat(201) },
    ])
      assert.equal(refusal((await roll(flags)).ending).exit, 2);
  });
});

describe('what does not start or promote a release', () => {
  test('is done in a freeze too: drain, enable, rollback', async () => {
    const { run, running } = scene({ at: 12, freezes: '[{ from: 2026-11-20, to: 2026-11-30 }]' });
    const drained = await run(async (opened) => ({ change: await drainChange(opened, ['web3'], 'a disk') }));
    const enabled = await run(async (opened) => ({ change: await enableChange(opened, ['web3']) }));
    const back = await run(async (opened) => ({ change: await rollbackChange(opened, undefined, {}) }));
    assert.deepEqual(
      [drained, enabled, back].map(({ ending }) => exit(ending)),
      [0, 0, 0],
    );
    assert.ok(!running().includes(V1));
  });
});

describe('when the window closes between two batches', () => {
  test('finish: the roll goes on, and that is told once', async () => {
    const { roll, clockAt, running, release } = scene({ at: 3, onClose: 'finish' });
    clockAt('switch', 3);
    const { ending, notes } = await roll();
    assert.equal(exit(ending), 0);
    assert.deepEqual(new Set(running()), new Set([release]));
    assert.deepEqual(
      notes.filter((text) => text.includes('windows_on_close')),
      ['No window is open any more: the roll is finished all the same (windows_on_close: finish).'],
    );
  });

  test('halt: no further batch, all in rotation; resume waits for the next opening, rollback need not', async () => {
    const { roll, resume, run, fleet, clockAt, running, release } = scene({ at: 3, onClose: 'halt' });
    clockAt('switch', 3);
    const { ending, notes } = await roll();
    assert.equal(exit(ending), 4);
    assert.deepEqual(running(), [release, V1, V1]);
    assert.deepEqual(
      Object.values(fleet.record?.backends ?? {}).map(({ rotation }) => rotation),
      ['in', 'in', 'in'],
    );
    assert.ok(notes.includes('No window is open any more: no further batch is begun (windows_on_close: halt).'));
    assert.match(refusal((await resume()).ending).message, /no window is open/);
    assert.deepEqual(running(), [release, V1, V1]);
    const forced = await resume({ now: true, reason: 'two releases will not do' });
    assert.equal(exit(forced.ending), 0);
    assert.deepEqual(new Set(running()), new Set([release]));
    const back = await run(async (opened) => ({ change: await rollbackChange(opened, V1, {}) }));
    assert.equal(exit(back.ending), 0);
    assert.deepEqual(new Set(running()), new Set([V1]));
  });

  test('a rollback that was begun and not finished is resumed at any time', async () => {
    const { roll, resume, run, fleet, clockAt, running } = scene({ at: 3, onClose: 'halt' });
    clockAt('switch', 3);
    await roll();
    const operator = new Operator(fleet, 'bob');
    operator.onCall = ({ name }) => {
      if (name === 'orchestrate-switch') operator.kill();
      return {};
    };
    operator.begin(async (opened) => ({ change: await rollbackChange(opened, V1, {}) }));
    await fleet.time.pass(() => operator.ending !== undefined, HOUR);
    await fleet.time.pass(() => false, MINUTE);
    assert.equal(fleet.record?.intent?.kind, 'rollback');
    assert.equal(exit((await resume()).ending), 0);
    assert.deepEqual(new Set(running()), new Set([V1]));
    assert.equal(exit((await run((opened) => resumeChange(opened))).ending), 0, 'nothing was left unfinished');
  });

  test('rollback: the whole fleet goes back', async () => {
    const { roll, clockAt, running, fleet } = scene({ at: 3, onClose: 'rollback' });
    clockAt('switch', 3);
    const { ending, operator } = await roll();
    assert.equal(exit(ending), 1);
    assert.deepEqual(running(), [V1, V1, V1]);
    assert.equal(operator.events.filter(({ type }) => type === 'going back').length, 1);
    assert.equal(fleet.record?.intent, null);
  });

  test('while it is being staged: no batch is begun', async () => {
    for (const onClose of ['halt', 'rollback'] as const) {
      const { roll, clockAt, running, fleet } = scene({ at: 3, onClose });
      clockAt('build', 3);
      assert.equal(exit((await roll()).ending), onClose === 'halt' ? 4 : 1);
      assert.deepEqual(running(), [V1, V1, V1]);
      assert.ok(!fleet.calls.some(({ script }) => script === 'switch'));
    }
  });

  test('a freeze that begins is the same', async () => {
    const { roll, clockAt, running, release } = scene({
      at: 3,
      onClose: 'halt',
      freezes: '[{ from: 2026-11-23T04:00, to: 2026-11-24, reason: a sale }]',
    });
    clockAt('switch', 1.5);
    const { ending, notes } = await roll();
    assert.equal(exit(ending), 4);
    assert.deepEqual(running(), [release, V1, V1]);
    assert.ok(
      notes.some((text) => text.startsWith('The freeze (a sale) holds until Wed 2026-11-25 00:00 UTC: no further')),
    );
  });
});

describe('how long it takes', () => {
  /** A roll of before: three minutes of staging, then a batch every four. */
  const roll = (exitCode = 0, command = 'roll --ref 1'): Event[] => {
    const start = EPOCH - 24 * HOUR;
    const phases = [
      ...['check', 'build', 'ship', 'rehearse', 'publish', 'migrate', 'declare', 'prune'].map((name) => ({
        name,
        lasts: name === 'build' ? 3 * MINUTE : 0,
      })),
      ...[1, 2].flatMap(() => [
        { name: 'flip', lasts: MINUTE },
        { name: 'batch', lasts: 3 * MINUTE },
      ]),
    ];
    let time = start;
    const stamp = (event: Event): Event => ({ ...event, at: new Date(time).toISOString() });
    return [
      { ...stamp(began(['web1'])), command } as Event,
      ...phases.map(({ name, lasts }) => {
        const event = stamp(at({ type: 'phase', name, title: name, number: 1, of: 9 }));
        time += lasts;
        return event;
      }),
      stamp(finished({}, exitCode)),
    ];
  };

  test('is known from earlier rolls: about 16 minutes, 8 left: refused', async () => {
    const { roll: now, fleet, changing } = scene({ at: 4.85 });
    fleet.past.set(7, roll());
    const { message, details } = refusal((await now()).ending);
    // Build, three batches, and the flip behind the last one.
    assert.match(
      message,
      /now: it takes about 16 minutes, and 8 minutes are left: mon-thu 02:00 to 05:00 \(UTC\) is open until Mon 2026-11-23 05:00 UTC\.$/,
    );
    assert.match(details[0] ?? '', /^The next opening is Tue 2026-11-24 02:00 UTC/);
    assert.deepEqual(changing(), []);
    const early = scene({ at: 4.5 });
    early.fleet.past.set(7, roll());
    assert.equal(exit((await early.roll()).ending), 0);
  });

  test('is not learned from what failed, nor from what was no roll', async () => {
    const { roll: now, fleet } = scene({ at: 4.85 });
    fleet.past.set(6, roll(1));
    fleet.past.set(7, roll(0, 'rollback'));
    assert.equal(exit((await now()).ending), 0);
  });

  test('is at least what its pauses take, where there was no roll yet', async () => {
    const { roll: now } = scene({ at: 4.85, pause: 10 * MINUTE });
    assert.match(refusal((await now()).ending).message, /it takes at least 20 minutes, and 8 minutes are left/);
  });

  test('is too long for every window: said so', async () => {
    const { roll: now } = scene({ at: 4.85, pause: 2 * HOUR });
    const { details } = refusal((await now({}, { waitsForWindow: true })).ending);
    assert.deepEqual(details, ['No opening is long enough for it: it takes at least 4 h.']);
  });
});

describe('--wait-window', () => {
  test('waits, counts down, looks at the fleet anew, and rolls', async () => {
    const { roll, fleet, running, release } = scene({ at: 20 });
    const { ending, operator } = await roll({}, { waitsForWindow: true });
    assert.equal(exit(ending), 0);
    assert.deepEqual(new Set(running()), new Set([release]));
    const waiting = operator.events.flatMap((event) => (event.type === 'waiting' ? [event] : []));
    assert.equal(waiting[0]?.text, 'waiting until Tue 2026-11-24 02:00 UTC');
    assert.equal(waiting[0]?.until, '2026-11-24T02:00:00.000Z');
    assert.equal(waiting.at(-1)?.left, 0);
    assert.ok(waiting.length > 10 && waiting.length < 50, String(waiting.length));
    const looks = fleet.calls.filter(({ script }) => script === 'observe-backend').map((call) => call.at);
    const opens = 6 * HOUR;
    assert.ok(looks.some((time) => time < MINUTE) && looks.some((time) => time >= opens));
    assert.ok(!fleet.calls.some((call) => call.at < opens && /^(lease|fence|switch)$/.test(call.script)));
  });

  test('waits for an opening that is long enough', async () => {
    const { roll, fleet } = scene({
      at: 1,
      pause: 40 * MINUTE,
      windows: '[{ from: "02:00", to: "03:00" }, { from: "04:00", to: "07:00" }]',
    });
    assert.equal(exit((await roll({}, { waitsForWindow: true })).ending), 0);
    const lease = fleet.calls.find(({ script }) => script === 'lease');
    assert.equal(new Date(EPOCH + HOUR + (lease?.at ?? 0)).toISOString().slice(0, 16), '2026-11-23T04:00');
  });

  test('does not wait where a window is open', async () => {
    const { roll } = scene({ at: 3 });
    const { operator } = await roll({}, { waitsForWindow: true });
    assert.ok(!operator.events.some(({ type }) => type === 'waiting'));
  });

  test('is ended by Ctrl-C: nothing was changed', async () => {
    const { fleet, changing } = scene({ at: 20 });
    const operator = new Operator(fleet, 'ada');
    operator.begin(async (opened) => ({ change: await rollChange(opened, { ref: '2' }) }), { waitsForWindow: true });
    await fleet.time.pass(() => false, HOUR);
    operator.interrupt();
    await fleet.time.pass(() => operator.ending !== undefined, MINUTE);
    assert.equal(exit(operator.ending!), 130);
    assert.deepEqual(changing(), []);
    const last = operator.events.slice(-2);
    assert.ok(last[0]?.type === 'waiting' && last[0].left === 0);
    assert.ok(last[1]?.type === 'note' && /ended; nothing was changed/.test(last[1].text));
  });

  test('has asked before it waits, and asks again only where the plan has become another', async () => {
    const asked: string[] = [];
    const options = {
      waitsForWindow: true,
      yes: false,
      ask: ({ title }: { readonly title: string }) => Promise.resolve(asked.push(title) > 0),
    };
    const calm = scene({ at: 20 });
    assert.equal(exit((await calm.roll({}, options)).ending), 0);
    assert.equal(asked.length, 1);
    const other = scene({ at: 20 });
    other.fleet.time.after(HOUR, () => {
      // Somebody rolls by hand meanwhile.
      void new Operator(other.fleet, 'bob').begin(async (opened) => ({
        change: await rollChange(opened, { ref: '2', now: true, reason: 'x', hosts: 'web1' }),
      }));
    });
    assert.equal(exit((await other.roll({}, options)).ending), 0);
    assert.equal(asked.length, 3);
  });
});
