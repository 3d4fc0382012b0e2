import * as fc from 'fast-check';
import { countOf } from '../../src/core/inventory/count.ts';
import { names } from '../core/planning/world.ts';
import type { SimWish } from './fleet.ts';
import type { Deed, Story, Verb } from './story.ts';

/** Fleets and what happens on them, made by chance. */

const percent = fc.integer({ min: 1, max: 100 }).map((n) => `${n}%` as const);
const size = fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 1, max: 3 }) }, { weight: 1, arbitrary: percent });

const wishes: fc.Arbitrary<SimWish> = fc
  .record({
    backends: fc.integer({ min: 2, max: 5 }),
    balancers: fc.integer({ min: 1, max: 3 }),
    how: fc.constantFrom(
      ...([
        ['managed', 'live'],
        ['managed', 'live'],
        ['fixed', 'live'],
        ['managed', 'reload'],
      ] as const),
    ),
    batch: fc.array(size, { minLength: 1, maxLength: 2 }),
    min: fc.constantFrom(1, '25%' as const, '50%' as const),
    rest: fc.constantFrom('none', 'none', 'none', 'pause', 'bake'),
    out: fc.option(fc.subarray(names('web', 4), { maxLength: 1 }), { nil: [], freq: 4 }),
    loaded: fc.constantFrom(...(['all', 'all', 'all', 'least'] as const)),
    migrates: fc.boolean(),
    local: fc.boolean(),
    // Who has two slots, and whether all of them serve by the second one.
    two: fc.oneof(fc.constant<string[]>([]), fc.constant(names('web', 5)), fc.subarray(names('web', 5))),
    turned: fc.boolean(),
    onFailure: fc.constantFrom(
      ...([
        ['rollback', 1],
        ['rollback', 1],
        ['halt', 1],
        ['skip', 1],
      ] as const),
    ),
  })
  .map(({ how: [configuration, kind], out, rest, two, turned, ...more }) => ({
    ...more,
    ...within(more, more.backends > 3 ? 2 : 1),
    two: two.filter((name) => Number(name.slice(3)) <= more.backends),
    second: turned ? two.filter((name) => Number(name.slice(3)) <= more.backends) : [],
    configuration,
    switch: kind,
    pause: rest === 'pause',
    bake: rest === 'bake',
    out:
      more.backends > 3 && configuration !== 'fixed' ? out.filter((name) => Number(name.slice(3)) < more.backends) : [],
    // What was not declared can't be used where nobody may declare it: two at once are.
    ...(configuration === 'fixed' ? { batch: [1] } : {}),
    loaded: configuration === 'fixed' ? 'all' : more.loaded,
  }));

/** Sizes that leave enough in rotation, though a person has taken so many out. */
function within({ backends, batch, min }: Pick<Required<SimWish>, 'backends' | 'batch' | 'min'>, out: number) {
  const left = backends === 2 ? 2 : backends - out;
  const least = left > countOf(min, backends) ? min : 1;
  const most = left - countOf(least, backends);
  return { min: least, batch: batch.map((each) => (countOf(each, backends) <= most ? each : most)) };
}

const host = fc.integer({ min: -1, max: 7 });
const soon = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 1500 }));
const lasts = fc.oneof(fc.integer({ min: 100, max: 5000 }), fc.integer({ min: 5000, max: 90_000 }), fc.constant(1e9));
const verb = fc.constantFrom<Verb>('roll', 'roll', 'roll', 'rollback', 'drain', 'enable', 'resume');

export const links: fc.Arbitrary<Deed> = fc.record({
  kind: fc.constant('link'),
  when: fc.constantFrom('before', 'after', 'during'),
  stall: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 60_000 })),
});
export const kills: fc.Arbitrary<Deed> = fc.record({ kind: fc.constant('kill'), after: soon });
export const stops: fc.Arbitrary<Deed> = fc.record({
  kind: fc.constant('stop'),
  after: soon,
  lasts: fc.integer({ min: 1000, max: 120_000 }),
});
export const seconds: fc.Arbitrary<Deed> = fc.record({
  kind: fc.constant('second'),
  verb: fc.oneof(verb, fc.constant<Verb>('break')),
  ref: fc.constantFrom('2', '2', '3'),
});
export const faults: fc.Arbitrary<Deed> = fc.oneof(
  links,
  links,
  fc.record({ kind: fc.constantFrom('cable', 'power', 'full', 'crowded'), host, after: soon, lasts }),
  fc.record({ kind: fc.constant('crash'), host, after: soon }),
  fc.constant({ kind: 'interrupt' as const }),
  fc.record({ kind: fc.constant('clock'), by: fc.constantFrom(3_600_000, -3_600_000) }),
);
const at = fc.integer({ min: 1, max: 110 });

export const stories = (deed: fc.Arbitrary<Deed>, most: number): fc.Arbitrary<Story> =>
  fc
    .record({
      wish: wishes,
      seed: fc.integer(),
      verb,
      broken: fc.option(fc.record({ host: fc.nat(4), how: fc.constantFrom('ends', 'ill') }), {
        nil: undefined,
        freq: 6,
      }),
      deeds: fc.array(fc.record({ at, deed }), { minLength: 1, maxLength: most }),
    })
    .filter(
      ({ wish, verb: first, deeds }) =>
        wish.backends! > 2 ||
        ![first, ...deeds.map(({ deed: each }) => each.kind === 'second' && each.verb)].some(
          (each) => each === 'drain' || each === 'enable',
        ),
    )
    .map(({ broken, ...story }) => ({ ...story, ...(broken === undefined ? {} : { broken }) }));

/** A rollback while the release before still runs on the other slot of every backend. */
export const returns = (deed: fc.Arbitrary<Deed>, most: number): fc.Arbitrary<Story> =>
  stories(deed, most).map((story) => {
    const { broken: _, ...rest } = story;
    const two = names('web', story.wish.backends!);
    return {
      ...rest,
      after: 'roll',
      verb: 'rollback',
      deeds: story.deeds.map((each) => ({ ...each, at: Math.ceil(each.at / 3) })),
      wish: {
        ...story.wish,
        switch: 'live',
        two,
        second: story.wish.second!.length === 0 ? [] : two,
        out: [],
        pause: false,
        bake: false,
      },
    };
  });

/** A canary that begins, gets another share, rests, or comes to one of its ends, on two slots or on hosts of its own. */
export const canaries = (deed: fc.Arbitrary<Deed>, most: number): fc.Arbitrary<Story> =>
  fc
    .tuple(
      stories(deed, most),
      fc.constantFrom<Verb>('canary', 'canary', 'share', 'pause', 'promote', 'abort'),
      fc.boolean(),
    )
    .map(([story, which, twice]) => {
      const { broken, ...rest } = story;
      const two = twice ? names('web', story.wish.backends!) : [];
      return {
        ...rest,
        verb: which,
        // One that can't begin has nothing to be gone on with.
        ...(which === 'canary' ? (broken === undefined ? {} : { broken }) : { after: 'canary' as const }),
        deeds: story.deeds.map((each) => ({ ...each, at: which === 'canary' ? each.at : Math.ceil(each.at / 2) })),
        wish: {
          ...story.wish,
          switch: 'live',
          two,
          second: story.wish.second!.length === 0 ? [] : two,
          min: 1,
          out: [],
          pause: false,
          bake: false,
        },
      };
    });
