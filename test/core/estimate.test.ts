import assert from 'node:assert/strict';
import { test } from 'node:test';
import { estimateOf } from '../../src/core/estimate.ts';
import type { Event } from '../../src/core/event.ts';
import type { Phase, PhaseName, Plan, Step } from '../../src/core/plan.ts';

const phase = (name: PhaseName, ...steps: Step[]): Phase => ({ name, title: name, tracks: [{ host: 'web1', steps }] });
const plan = (...phases: Phase[]): Plan => ({ version: 1, app: 'shop', title: 'x', phases, notes: [] });
const pause = (lasts: number): Step => ({ kind: 'pause', say: 'pause', lasts, deadline: lasts });
const told = (...phases: (readonly [name: string, seconds: number])[]): Event[] => {
  let seconds = 0;
  const at = (): string => new Date(seconds * 1000).toISOString();
  return [
    ...phases.map(([name, lasts]): Event => {
      const event: Event = { at: at(), type: 'phase', name, title: name, number: 1, of: 1 };
      seconds += lasts;
      return event;
    }),
    { at: at(), type: 'finished', exit: 0, summary: { sentence: '', hosts: [], took: 1, reloads: 0 } },
  ];
};

test('a plan takes what its phases took before, on the average, and the pauses that it has', () => {
  const earlier = [told(['build', 60], ['batch', 20], ['batch', 40]), told(['batch', 30], ['pause', 900], ['flip', 2])];
  const wanted = plan(phase('build'), phase('batch'), phase('pause', pause(10_000)), phase('flip'), phase('batch'));
  assert.deepEqual(estimateOf(wanted, earlier), { ms: 60_000 + 30_000 + 10_000 + 2000 + 30_000, least: false });
});

test('it is the least that it takes, where no earlier roll had one of its phases', () => {
  assert.deepEqual(estimateOf(plan(phase('build'), phase('batch')), [told(['batch', 30])]), {
    ms: 30_000,
    least: true,
  });
  assert.deepEqual(estimateOf(plan(phase('batch'), phase('pause', pause(5000))), []), { ms: 5000, least: true });
});

test('a clock that was set back in the middle counts for nothing', () => {
  assert.deepEqual(estimateOf(plan(phase('batch')), [told(['batch', -7200])]), { ms: 0, least: false });
});
