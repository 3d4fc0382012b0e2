import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { freezeOf, type Freeze } from '../../src/core/freeze.ts';
import { DAYS, nextSpan, type Window } from '../../src/core/window.ts';
import { longEnough, nextOpening, openings, verdictAt, type Rules } from '../../src/core/windows.ts';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const utc = (text: string): number => Date.parse(`${text}Z`);
const shown = (instant: number | null | undefined): string | null =>
  instant === null || instant === undefined ? null : new Date(instant).toISOString().slice(0, 16);

const minutes = (text: string): number => Number(text.slice(0, 2)) * 60 + Number(text.slice(3));
const windowOf = (from: string, to: string, zone: string, days: Window['days'] = DAYS): Window => ({
  days,
  from: minutes(from),
  to: minutes(to),
  time_zone: zone,
});
const rulesOf = (windows: readonly Window[], freezes: readonly Freeze[] = []): Rules => ({ windows, freezes });

/** What a clock on the wall of a zone shows, each minute of some days, and the highest and lowest of before and after. */
interface Wall {
  readonly zone: string;
  readonly from: number;
  /** As milliseconds in UTC. */
  readonly highest: readonly number[];
  readonly lowest: readonly number[];
}

function wallOf(zone: string, date: string): Wall {
  const format = new Intl.DateTimeFormat('sv', {
    timeZone: zone,
    dateStyle: 'short',
    timeStyle: 'medium',
  });
  const from = utc(`${date}T00:00`) - 3 * DAY;
  const shows = Array.from({ length: 7 * 24 * 60 }, (_, at) =>
    utc(format.format(from + at * MINUTE).replace(' ', 'T')),
  );
  const highest: number[] = [];
  for (const wall of shows) highest.push(Math.max(wall, highest.at(-1) ?? wall));
  const lowest: number[] = [];
  for (const wall of shows.toReversed()) lowest.push(Math.min(wall, lowest.at(-1) ?? wall));
  return { zone, from, highest, lowest: lowest.toReversed() };
}

const walls: readonly Wall[] = (
  [
    ['Europe/Berlin', '2026-10-25'],
    ['Europe/Berlin', '2027-03-28'],
    ['America/New_York', '2026-11-01'],
    ['America/New_York', '2027-03-14'],
    ['Australia/Lord_Howe', '2026-10-03'],
    ['Australia/Lord_Howe', '2027-04-03'],
    ['Asia/Kolkata', '2026-12-20'],
  ] as const
).map(([zone, date]) => wallOf(zone, date));

interface Written {
  readonly from: string;
  readonly to: string;
}

/** Whether it is open in each of those minutes, as a person at the wall would say it. */
function obvious(wall: Wall, windows: readonly Window[], freezes: readonly Written[]): boolean[] {
  return wall.highest.map((highest, at) => {
    const today = Math.floor(highest / DAY) * DAY;
    const open = windows.some((window) =>
      [today - DAY, today].some((day) => {
        if (!window.days.includes(DAYS[(new Date(day).getUTCDay() + 6) % 7]!)) return false;
        const ends = day + window.to * MINUTE + (window.to > window.from ? 0 : DAY);
        return day + window.from * MINUTE <= highest && highest < ends;
      }),
    );
    const frozen = freezes.some(({ from, to }) => {
      const ends = to.length > 10 ? utc(to) : utc(`${to}T00:00`) + DAY;
      return utc(from.length > 10 ? from : `${from}T00:00`) <= highest && wall.lowest[at]! < ends;
    });
    return (windows.length === 0 || open) && !frozen;
  });
}

const time = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 5 * 60 }) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: 24 * 60 - 1 }) },
);
const windowIn = (zone: string): fc.Arbitrary<Window> =>
  fc
    .record({ days: fc.subarray([...DAYS], { minLength: 1 }), from: time, to: fc.oneof(time, fc.constant(24 * 60)) })
    .filter(({ from, to }) => from !== to)
    .map((window) => ({ ...window, time_zone: zone }));
const freezeIn = ({ from }: Wall): fc.Arbitrary<Written> =>
  fc
    .tuple(fc.nat(6 * 24 * 60), fc.integer({ min: 1, max: 24 * 60 }), fc.boolean(), fc.boolean())
    .map(([at, lasts, whole, dated]) => ({
      from: new Date(from + at * MINUTE).toISOString().slice(0, whole ? 10 : 16),
      to: new Date(from + (at + lasts) * MINUTE).toISOString().slice(0, dated ? 10 : 16),
    }));
const cases = fc.constantFrom(...walls).chain((wall) =>
  fc.record({
    wall: fc.constant(wall),
    windows: fc.array(windowIn(wall.zone), { maxLength: 3 }),
    freezes: fc.array(freezeIn(wall), { maxLength: 2 }),
    asked: fc.array(fc.integer({ min: DAY / MINUTE, max: 6 * (DAY / MINUTE) }), { minLength: 20, maxLength: 20 }),
  }),
);

test('whether it is open, when it opens and when it closes is what the clocks on the walls show, minute by minute', () => {
  fc.assert(
    fc.property(cases, ({ wall, windows, freezes, asked }) => {
      const expected = obvious(wall, windows, freezes);
      const rules = rulesOf(
        windows,
        freezes.map(({ from, to }) => freezeOf(from, to, wall.zone)),
      );
      for (const at of asked) {
        const now = wall.from + at * MINUTE;
        const verdict = verdictAt(rules, now);
        assert.equal(verdict.open, expected[at], `at ${shown(now)}`);
        const opens = expected.indexOf(true, at);
        const next = verdict.open ? verdict.opening : verdict.next;
        if (opens < 0) assert.ok(next === null || next.opens >= wall.from + expected.length * MINUTE);
        else {
          assert.equal(shown(next?.opens), shown(wall.from + opens * MINUTE));
          const closes = expected.indexOf(false, opens);
          if (closes >= 0) assert.equal(shown(next?.closes), shown(wall.from + closes * MINUTE));
          else assert.ok(next!.closes === null || next!.closes >= wall.from + expected.length * MINUTE);
        }
      }
    }),
    { numRuns: 150 },
  );
});

/** From when to when it is open that night, in UTC. */
function night(zone: string, date: string, from: string, to: string): (string | null)[] | null {
  const span = nextSpan(windowOf(from, to, zone), utc(`${date}T12:00`) - DAY)!;
  return span.from > utc(`${date}T12:00`) ? null : [shown(span.from), shown(span.to)];
}

describe('when clocks are put forward, a window', () => {
  const nights: readonly [zone: string, date: string, from: string, to: string, opens: (string | null)[] | null][] = [
    // Berlin: 02:00 is 03:00, at 01:00 UTC.
    ['Europe/Berlin', '2027-03-28', '02:00', '05:00', ['2027-03-28T01:00', '2027-03-28T03:00']],
    ['Europe/Berlin', '2027-03-28', '02:30', '05:00', ['2027-03-28T01:00', '2027-03-28T03:00']],
    ['Europe/Berlin', '2027-03-28', '01:00', '02:30', ['2027-03-28T00:00', '2027-03-28T01:00']],
    ['Europe/Berlin', '2027-03-28', '23:00', '04:00', ['2027-03-27T22:00', '2027-03-28T02:00']],
    ['Europe/Berlin', '2027-03-28', '02:00', '03:00', null],
    // New York: 02:00 is 03:00, at 07:00 UTC.
    ['America/New_York', '2027-03-14', '02:00', '04:00', ['2027-03-14T07:00', '2027-03-14T08:00']],
    ['America/New_York', '2027-03-14', '02:15', '02:45', null],
    // Lord Howe: 02:00 is 02:30, at 15:30 UTC the day before.
    ['Australia/Lord_Howe', '2026-10-04', '02:15', '03:00', ['2026-10-03T15:30', '2026-10-03T16:00']],
    ['Australia/Lord_Howe', '2026-10-04', '02:00', '02:30', null],
  ];
  for (const [zone, date, from, to, opens] of nights)
    test(`from ${from} to ${to} in ${zone} is open ${opens === null ? 'not at all' : `from ${opens[0]} to ${opens[1]} UTC`}`, () => {
      const span = nextSpan(windowOf(from, to, zone), utc(`${date}T00:00`) - DAY / 2);
      const that = opens === null ? null : [shown(span?.from), shown(span?.to)];
      if (opens !== null) assert.deepEqual(that, opens);
      else assert.ok(span!.from > utc(`${date}T00:00`) + DAY / 4, shown(span!.from)!);
    });
});

describe('when clocks are put back, a window', () => {
  for (const [zone, date, from, to, opens] of [
    // Berlin: 03:00 is 02:00 again, at 01:00 UTC.
    ['Europe/Berlin', '2026-10-25', '02:00', '05:00', ['2026-10-25T00:00', '2026-10-25T04:00']],
    ['Europe/Berlin', '2026-10-25', '02:30', '05:00', ['2026-10-25T00:30', '2026-10-25T04:00']],
    ['Europe/Berlin', '2026-10-25', '01:00', '02:30', ['2026-10-24T23:00', '2026-10-25T00:30']],
    ['Europe/Berlin', '2026-10-25', '02:00', '02:30', ['2026-10-25T00:00', '2026-10-25T00:30']],
    ['Europe/Berlin', '2026-10-25', '02:00', '03:00', ['2026-10-25T00:00', '2026-10-25T02:00']],
    // New York: 02:00 is 01:00 again, at 06:00 UTC.
    ['America/New_York', '2026-11-01', '00:30', '03:00', ['2026-11-01T04:30', '2026-11-01T08:00']],
    ['America/New_York', '2026-11-01', '01:00', '01:30', ['2026-11-01T05:00', '2026-11-01T05:30']],
    // Lord Howe: 02:00 is 01:30 again, at 15:00 UTC the day before.
    ['Australia/Lord_Howe', '2027-04-04', '01:45', '03:00', ['2027-04-03T14:45', '2027-04-03T16:30']],
  ] as const)
    test(`from ${from} to ${to} in ${zone} is open once, from ${opens[0]} to ${opens[1]} UTC`, () => {
      assert.deepEqual(night(zone, date, from, to), opens);
      const after = nextSpan(windowOf(from, to, zone), utc(opens[1]))!;
      assert.ok(after.from > utc(opens[1]) + DAY / 2, 'not again that night');
    });
});

describe('a freeze', () => {
  test('that begins or ends in an hour which comes twice has both of them', () => {
    const of = (from: string, to: string) => freezeOf(from, to, 'Europe/Berlin');
    assert.equal(shown(of('2026-10-25T02:30', '2026-10-26').from), '2026-10-25T00:30');
    assert.equal(shown(of('2026-10-24', '2026-10-25T02:30').to), '2026-10-25T01:30');
    assert.equal(shown(of('2027-03-27', '2027-03-28T02:30').to), '2027-03-28T01:00');
    assert.equal(shown(of('2026-10-24', '2026-10-24').to), '2026-10-24T22:00');
  });

  test('wins over every window, and cuts an opening in two', () => {
    const freeze = { from: utc('2026-11-24T03:00'), to: utc('2026-11-24T04:00'), reason: 'a sale' };
    const rules = rulesOf([windowOf('02:00', '05:00', 'UTC'), windowOf('01:00', '06:00', 'UTC')], [freeze]);
    const verdict = verdictAt(rules, utc('2026-11-24T03:30'));
    assert.deepEqual(!verdict.open && [verdict.freeze, shown(verdict.next?.opens)], [freeze, '2026-11-24T04:00']);
    assert.deepEqual(
      openings(rules, utc('2026-11-24T00:00'), utc('2026-11-25T00:00')).map(({ opens, closes, freeze: by }) => [
        shown(opens),
        shown(closes),
        by?.reason,
      ]),
      [
        ['2026-11-24T01:00', '2026-11-24T03:00', 'a sale'],
        ['2026-11-24T04:00', '2026-11-24T06:00', undefined],
      ],
    );
  });

  test('without windows leaves all other times open', () => {
    const freeze = freezeOf('2026-12-20', '2027-01-03', 'UTC');
    const before = verdictAt(rulesOf([], [freeze]), utc('2026-12-19T12:00'));
    assert.deepEqual(before.open && shown(before.opening.closes), '2026-12-20T00:00');
    const after = verdictAt(rulesOf([], [freeze]), utc('2027-01-04T00:00'));
    assert.deepEqual(after.open && after.opening.closes, null);
    assert.equal(verdictAt(rulesOf([], [freeze]), utc('2027-01-03T23:59')).open, false);
  });
});

describe('windows', () => {
  test('that pass midnight belong to the day on which they open', () => {
    const friday = rulesOf([windowOf('22:00', '02:00', 'Europe/Berlin', ['fri'])]);
    // 2026-11-27 is a Friday.
    assert.deepEqual(
      ['2026-11-27T00:30', '2026-11-27T21:30', '2026-11-28T00:30', '2026-11-28T21:30'].map(
        (at) => verdictAt(friday, utc(at)).open,
      ),
      [false, true, true, false],
    );
  });

  test('that meet or overlap are one opening; those that are open all week never close', () => {
    const evening = windowOf('20:00', '24:00', 'UTC', ['mon']);
    const morning = windowOf('00:00', '05:00', 'UTC', ['tue']);
    const opening = nextOpening(rulesOf([morning, evening]), utc('2026-11-23T12:00'));
    assert.deepEqual([shown(opening?.opens), shown(opening?.closes)], ['2026-11-23T20:00', '2026-11-24T05:00']);
    assert.deepEqual(opening?.windows, [evening]);
    const always = rulesOf([windowOf('00:00', '24:00', 'Europe/Berlin')]);
    assert.equal(nextOpening(always, utc('2026-11-23T12:00'))?.closes, null);
    const frozen = { from: utc('2027-02-01T00:00'), to: utc('2027-02-02T00:00') };
    assert.equal(nextOpening({ ...always, freezes: [frozen] }, utc('2026-11-23T12:00'))?.closes, frozen.from);
  });

  test('of several zones are each where they are', () => {
    const rules = rulesOf([windowOf('02:00', '03:00', 'Asia/Kolkata'), windowOf('02:00', '03:00', 'America/New_York')]);
    assert.deepEqual(
      openings(rules, utc('2026-11-23T00:00'), utc('2026-11-24T00:00')).map(({ opens }) => shown(opens)),
      ['2026-11-23T07:00', '2026-11-23T20:30'],
    );
  });

  test('are looked through for one that is long enough', () => {
    const rules = rulesOf([
      windowOf('02:00', '03:00', 'UTC', ['mon', 'tue', 'wed']),
      windowOf('02:00', '05:00', 'UTC', ['sun']),
    ]);
    const from = utc('2026-11-23T12:00');
    assert.equal(shown(longEnough(rules, from, from + 14 * DAY, 2 * 60 * MINUTE)?.opens), '2026-11-29T02:00');
    assert.equal(longEnough(rules, from, from + 14 * DAY, 4 * 60 * MINUTE), null);
  });

  test('of ten years are decided day by day', () => {
    const rules = rulesOf(
      [windowOf('02:00', '05:00', 'Europe/Berlin', ['mon', 'tue', 'wed', 'thu'])],
      [freezeOf('2026-12-20', '2027-01-03', 'Europe/Berlin')],
    );
    const from = utc('2026-01-01T01:30');
    const open = Array.from({ length: 3653 }, (_, day) => verdictAt(rules, from + day * DAY).open).filter(Boolean);
    // Four of each of 521 weeks, three of the six days more, less those of the freeze: 2026-12-21 to 24, and 28 to 31.
    assert.equal(open.length, 521 * 4 + 3 - 8);
  });
});
