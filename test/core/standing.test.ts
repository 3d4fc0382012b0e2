import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { SeenBalancer } from '../../src/core/fleet.ts';
import { standings } from '../../src/core/standing.ts';
import { viewOf, worldOf, type World } from './planning/world.ts';

type Told = Partial<Pick<SeenBalancer, 'live' | 'edits' | 'vouched'>> & { readonly digests?: Record<number, string> };

/** How two balancers stand, each told by what differs; by default both serve 42 and keep 40 to 42. */
function standing(lb1: Told, lb2: Told) {
  const world: World = worldOf({ balancers: 2 });
  const view = viewOf(world);
  const told = ([name, { digests = { 40: 'a', 41: 'b', 42: 'c' }, ...more }]: [string, Told]) => {
    const seen = view.balancers[name];
    assert.ok(seen?.kind === 'seen');
    const kept = new Map(Object.entries(digests).map(([number, sum]) => [Number(number), sum]));
    return [name, { ...seen, live: 42, vouched: true, ...more, digests: kept }] as const;
  };
  const balancers = Object.fromEntries(Object.entries({ lb1, lb2 }).map(told));
  return Object.fromEntries(
    [...standings({ ...view, balancers })].map(([name, each]) => [
      name,
      each.kind === 'level' ? 'level' : `${each.kind}: ${each.says}`,
    ]),
  );
}

const cases: [string, Told, Told, RegExp | 'level', (RegExp | 'level')?][] = [
  ['that serve the same', {}, {}, 'level'],
  [
    'of which one holds what the other serves: an unfinished flip',
    {},
    { live: 41 },
    /^unfinished: lb2 holds generation 42, which lb1 serves, and still serves 41: a flip was begun and not ended/,
  ],
  [
    'of which one was away',
    {},
    { live: 40, digests: { 39: 'z', 40: 'a' } },
    /^behind: lb2 is behind: it serves generation 40, and lb1 serves 42\. It was away; the next command lets it catch up/,
  ],
  [
    'of which one was away for longer than the other remembers',
    {},
    { live: 12, digests: { 12: 'q' } },
    /^behind: lb2 is behind: it serves generation 12/,
  ],
  [
    'of which one was away, with a generation that was prepared and never served',
    {},
    { live: 40, digests: { 40: 'a', 41: 'other' } },
    /^behind: /,
  ],
  [
    'of which one has just been added',
    {},
    { live: null, digests: {}, vouched: false },
    /^new: lb2 has no generation yet/,
  ],
  [
    'of which one serves an older one than nobody vouches for, though it has later ones',
    {},
    { live: 40, digests: { 40: 'a', 41: 'other' }, vouched: false },
    /^edited: lb2 serves generation 40 although it has later ones/,
  ],
  [
    'of which one never had what the other serves, and neither tells by whom that was made',
    { vouched: false },
    { live: 41, digests: { 41: 'b' }, vouched: false },
    /^behind/,
    /^edited: lb1 serves generation 42, which no other balancer has ever had/,
  ],
  [
    'that have one number for two generations',
    {},
    { digests: { 42: 'd' } },
    /^edited: lb2: generation 42 is another there than on lb1/,
    /^edited: lb1: generation 42 is another there than on lb2/,
  ],
  [
    'of which one has another generation by an old number',
    {},
    { live: 41, digests: { 41: 'x' } },
    /^edited: lb2: generation 41 is another there than on lb1/,
  ],
  [
    'that went two ways',
    { digests: { 40: 'a', 42: 'c' } },
    { live: 41, digests: { 40: 'a', 41: 'b' } },
    /^edited: lb2 serves generation 41, which lb1 \(42\) has never had/,
  ],
  [
    'of which one was changed by hand',
    {},
    { edits: ['its `live` was moved by hand'] },
    /^edited: lb2: its `live` was moved by hand/,
  ],
];

describe('two balancers', () => {
  for (const [what, lb1, lb2, second, first = 'level'] of cases)
    test(what, () => {
      const found = standing(lb1, lb2);
      for (const [name, wanted] of [
        ['lb1', first],
        ['lb2', second],
      ] as const)
        if (wanted === 'level') assert.equal(found[name], 'level');
        else assert.match(found[name] ?? '', wanted);
    });
});

test('one that was changed by hand alone is told, and nothing is compared with it', () => {
  const found = standing({ edits: ['its record was edited by hand'], live: 99 }, {});
  assert.match(found['lb1'] ?? '', /^edited: /);
  assert.equal(found['lb2'], 'level');
});
