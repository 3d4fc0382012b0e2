import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { lingering, overdue, planLingerStop } from '../../../src/core/planning/lingering.ts';
import { planRoll } from '../../../src/core/planning/roll.ts';
import { planRollback } from '../../../src/core/planning/rollback.ts';
import type { Phase, Plan } from '../../../src/core/plan.ts';
import { statusOf } from '../../../src/core/status.ts';
import { interpret } from './interpreter.ts';
import { author, idleOf, names, planOf, rollTo, servingOf, viewOf, worldOf, V0, V1, V2, type World } from './world.ts';

const MOST = 600_000;
const moving = ({ phases }: Plan): string[] =>
  phases.filter(({ name }) => ['start', 'flip', 'batch'].includes(name)).map(({ title }) => title);
const plan = (phases: readonly Phase[]): Plan => ({ version: 1, app: 'shop', title: '', phases, notes: [] });

/** Two hosts with two slots and one with one, on V2, with V1 lingering. */
function rolled(two = names('web', 2), linger = MOST): World {
  const world = worldOf({ backends: 3, two });
  interpret(planOf(planRoll(world.inventory, viewOf(world), rollTo(world), author)), world);
  interpret(plan(lingering(world.inventory, viewOf(world), linger)), world);
  return world;
}

describe('two slots', () => {
  test('are started before any user meets the release, then move over, batch by batch', () => {
    const world = worldOf({ backends: 3, two: names('web', 2) });
    const made = planOf(planRoll(world.inventory, viewOf(world), rollTo(world), author));
    assert.deepEqual(moving(made), [
      `start ${V2} beside what serves on web1 and web2, before any user meets it`,
      `batch 1 of 3: web1 to ${V2}`,
      `web1 over to ${V2}`,
      `batch 2 of 3: web2 to ${V2}`,
      `web2 over to ${V2}`,
      'web3 out of rotation',
      `batch 3 of 3: web3 to ${V2}`,
      'web3 back in rotation',
    ]);
    assert.match(made.notes.join(), /web1 and web2 run both releases/);
    assert.deepEqual(
      made.phases.filter(({ name }) => name === 'declare'),
      [],
    );
    assert.equal(made.phases.find(({ name }) => name === 'start')?.atOnce, 20);
  });

  test('are looked at for the memory of a second application, where none runs there yet', () => {
    const asked = ({ phases }: Plan): string[] =>
      phases
        .filter(({ name }) => name === 'check')
        .flatMap(({ tracks }) => tracks.flatMap(({ steps }) => steps))
        .flatMap((step) => (step.kind === 'run' ? step.calls : []))
        .flatMap(({ host, args }) => {
          const at = args.indexOf('memory');
          return at < 0 ? [] : [[host, ...args.slice(at + 1, at + 4)].join(' ')];
        });
    const world = worldOf({ backends: 3, two: names('web', 2), second: ['web2'] });
    assert.deepEqual(asked(planOf(planRoll(world.inventory, viewOf(world), rollTo(world), author))), [
      'web1 /run/shop/8000.pid 8000 130',
      'web2 /run/shop/8001.pid 8001 130',
    ]);
    // A release that lingers gives its memory back.
    Object.assign(world.backends.get('web2')!.slots.get(8000)!, { running: V0, link: V0 });
    assert.deepEqual(asked(planOf(planRoll(world.inventory, viewOf(world), rollTo(world), author))), [
      'web1 /run/shop/8000.pid 8000 130',
    ]);
  });

  test('go back with one flip while the former release lingers, and as usual after', () => {
    const world = rolled(names('web', 3));
    const back = (): Plan =>
      planOf(planRollback(world.inventory, viewOf(world), { hosts: names('web', 3), batch: [1], release: V1 }, author));
    const made = back();
    assert.deepEqual(moving(made), [`batch 1 of 1: web1, web2 and web3 to ${V1}`, `web1, web2 and web3 over to ${V1}`]);
    interpret(plan(planOf(planLingerStop(world.inventory, viewOf(world), names('web', 3))).phases), world);
    assert.equal(idleOf(world, 'web1')?.running, null);
    assert.match(moving(back())[0] ?? '', /^start .* beside what serves on web1, web2 and web3/);
  });

  test('one that can not start the release ends the roll, and it is stopped', () => {
    const world = worldOf({ backends: 3, two: names('web', 3) });
    world.backends.get('web2')!.broken.add(V2);
    const made = planOf(planRoll(world.inventory, viewOf(world), rollTo(world), author));
    assert.equal(interpret(made, world).ended, 'failed');
    interpret(plan(lingering(world.inventory, viewOf(world), MOST)), world);
    for (const name of names('web', 3)) {
      assert.equal(servingOf(world, name).running, V1);
      assert.deepEqual(idleOf(world, name), { running: null, link: null, lingers: null });
    }
  });

  test('whoever resumes a roll that goes on without a host has it in mind: with two slots it still serves the former release', () => {
    const world = worldOf({ backends: 3, two: names('web', 3) });
    const wish = { ...rollTo(world), hosts: ['web1', 'web3'], without: new Map([['web2', 'failed'] as const]) };
    const { intent } = planOf(planRoll(world.inventory, viewOf(world), wish, author));
    assert.deepEqual(intent?.hosts.toSorted(), names('web', 3));
  });

  test('what was left is seen to by the next command, and what lingers is no reason for one', () => {
    const world = rolled();
    assert.deepEqual(overdue(world.inventory, viewOf(world), MOST), []);
    idleOf(world, 'web1')!.lingers = 0;
    assert.equal(overdue(world.inventory, viewOf(world), MOST).length, 1);
    assert.match(statusOf(world.inventory, viewOf(world), {}, 0).drift.join(), /web1: .* should have ended by now/);
  });

  test('status tells until when going back is instant, and where', () => {
    const world = rolled();
    idleOf(world, 'web2')!.lingers = 60;
    const { back, backends } = statusOf(world.inventory, viewOf(world), {}, Date.UTC(2026, 10, 23, 12));
    assert.deepEqual(back, [{ release: V1, on: ['web1', 'web2'], until: '2026-11-23T12:01:00.000Z' }]);
    assert.deepEqual(
      backends.map(({ slot }) => slot),
      [8001, 8001, null],
    );
  });

  test('what is seen on the other slot just when it has crashed is stopped all the same, and what is not ours is not', () => {
    const world = worldOf({ backends: 3, two: names('web', 3) });
    const stopped = (): string[] =>
      lingering(world.inventory, viewOf(world), MOST).flatMap(({ tracks }) =>
        tracks.flatMap(({ steps }) => steps.map(({ say }) => say).filter((say) => say.startsWith('stop '))),
      );
    Object.assign(idleOf(world, 'web2')!, { running: 'unsure', link: V2 });
    Object.assign(idleOf(world, 'web3')!, { running: 'unsure', link: null });
    assert.deepEqual(stopped(), ['stop what is to run on port 8001 of web2']);
  });

  test('a port that something else listens on, and a slot that the inventory has lost, are refused', () => {
    const world = worldOf({ backends: 3, two: names('web', 3) });
    idleOf(world, 'web3')!.running = 'unsure';
    const taken = planRoll(world.inventory, viewOf(world), rollTo(world), author);
    assert.ok(taken.kind === 'refused');
    assert.deepEqual(taken.details, ['web3: port 8001']);
    const later = rolled(names('web', 3));
    const backends = later.inventory.backends.map((backend) => ({ ...backend, slots: [8000] }));
    const lost = planRoll({ ...later.inventory, backends }, viewOf(later), rollTo(later), author);
    assert.ok(lost.kind === 'refused');
    assert.match(lost.message, /web1 serves on port 8001, which its slots in the inventory \(8000\) lack/);
  });
});
