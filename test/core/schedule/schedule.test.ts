import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { nextOf, notApproved, type Job, type Standing } from '../../../src/core/schedule/course.ts';
import { readDue } from '../../../src/core/schedule/due.ts';
import { jitterOf, jobId, uuid5 } from '../../../src/core/schedule/job-id.ts';
import { nextDue, readRecurrence } from '../../../src/core/schedule/recurrence.ts';
import { DAYS } from '../../../src/core/window.ts';
import type { Rules } from '../../../src/core/windows.ts';

const DAY = 24 * 3_600_000;
const NOW = Date.parse('2026-11-26T12:00Z');
const SCHEDULE = '6ba7b810-9dad-11d1-80b4-00c04fd430c8';
const always: Rules = { windows: [], freezes: [] };
const night: Rules = { windows: [{ days: DAYS, from: 120, to: 240, time_zone: 'UTC' }], freezes: [] };

describe('a recurrence', () => {
  for (const zone of ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata'])
    test(`comes once a day, in ${zone}, whatever the clock does`, () => {
      const format = new Intl.DateTimeFormat('sv', { timeZone: zone, dateStyle: 'short' });
      for (const cron of ['15 2 * * *', '30 1 * * *', '0 3 * * *']) {
        const days: string[] = [];
        for (
          let due = nextDue({ cron, zone }, NOW);
          due !== null && due < NOW + 364 * DAY;
          due = nextDue({ cron, zone }, due)
        )
          days.push(format.format(due));
        assert.ok(days.length >= 363, `${days.length} of ${cron}`);
        assert.equal(new Set(days).size, days.length);
      }
    });

  test('is refused where there is no such zone, no such expression, or no such day', () => {
    const problem = (cron: string, zone = 'UTC'): string => {
      const read = readRecurrence(cron, zone, NOW);
      return 'problem' in read ? read.problem : 'none';
    };
    assert.match(problem('0 2 * * *', 'Mars/Olympus'), /no time zone/);
    assert.match(problem('0 25 * * *'), /no cron expression/);
    assert.match(problem('hello'), /no cron expression/);
    assert.match(problem('0 0 0 2 * *'), /no cron expression/);
    assert.match(problem('0 0 30 2 *'), /never comes/);
    assert.equal(problem('0 2 * * tue'), 'none');
  });
});

describe('once', () => {
  const at = (text: string, rules = night, zone = 'Europe/Berlin'): string => {
    const read = readDue(text, rules, zone, NOW);
    return 'problem' in read ? read.problem : new Date(read.due).toISOString();
  };
  test('tonight is the next opening, and none without windows or behind a freeze without end', () => {
    assert.equal(at('tonight'), '2026-11-27T02:00:00.000Z');
    assert.match(at('tonight', always), /has none/);
  });
  test('a time is one on the wall of the zone, or has its offset', () => {
    assert.equal(at('2026-12-01T02:00'), '2026-12-01T01:00:00.000Z');
    assert.equal(at('2026-12-01T02:00:30-05:00'), '2026-12-01T07:00:30.000Z');
    assert.match(at('2027-03-28T02:30'), /skipped in Europe\/Berlin/);
    assert.match(at('2027-02-30T02:30'), /no calendar/);
    assert.match(at('2026-11-26T02:30'), /has passed/);
    assert.match(at('yesterday'), /is no time/);
  });
});

describe("a job's id", () => {
  test('is the UUID of version 5 that the RFC has', () => {
    assert.equal(uuid5(SCHEDULE, 'www.example.com'), '2ed6657d-e927-568b-95e1-2665a8aea6a2');
    assert.equal(jobId(SCHEDULE, NOW), jobId(SCHEDULE, NOW));
    assert.notEqual(jobId(SCHEDULE, NOW), jobId(SCHEDULE, NOW + 1));
  });
  test('puts it off by less than the jitter', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.integer({ min: 1, max: 1e7 }), (id, most) => {
        const put = jitterOf(id, most);
        assert.ok(put >= 0 && put < most);
      }),
    );
  });
});

describe('what a job does next', () => {
  const job = fc.record({
    id: fc.constantFrom('a', 'b'),
    due: fc.integer({ min: NOW - DAY, max: NOW + DAY }),
    notAfter: fc.option(fc.integer({ min: NOW - DAY, max: NOW + 2 * DAY })),
    by: fc.constant('ada'),
    needsApproval: fc.boolean(),
    approvedBy: fc.option(fc.constant('bob')),
    stopped: fc.option(fc.constantFrom('paused', 'cancelled')),
  });
  const standing = fc.record({
    ended: fc.subarray(['a', 'b']).map((ids) => new Set(ids)),
    begun: fc.constantFrom('a', 'b', null, undefined),
    leased: fc.boolean(),
  });
  const each = (check: (job: Job, seen: Standing, rules: Rules, now: number) => void): void =>
    fc.assert(
      fc.property(job, standing, fc.constantFrom(always, night), fc.integer({ min: NOW - DAY, max: NOW + DAY }), check),
    );

  test('it starts only when it is due, approved, allowed, alone, and has not ended', () =>
    each((wanted, seen, rules, now) => {
      if (nextOf(wanted, seen, rules, now).kind !== 'start') return;
      assert.ok(!seen.ended.has(wanted.id) && seen.begun === undefined && !seen.leased);
      assert.ok(now >= wanted.due && (wanted.notAfter === null || now < wanted.notAfter));
      assert.ok(wanted.stopped === null && (!wanted.needsApproval || wanted.approvedBy !== null));
      if (rules === night) assert.ok([2, 3].includes(new Date(now).getUTCHours()));
    }));
  test('what it has begun it finishes, whatever was said meanwhile', () =>
    each((wanted, seen, rules, now) => {
      if (seen.ended.has(wanted.id) || seen.begun !== wanted.id) return;
      const next = nextOf(wanted, seen, rules, now);
      assert.ok(seen.leased ? next.kind === 'wait' && next.what === 'lease' : next.kind === 'resume');
    }));
  test('what has ended is complete, and never begun again', () =>
    each((wanted, seen, rules, now) => {
      if (seen.ended.has(wanted.id)) assert.equal(nextOf(wanted, seen, rules, now).kind, 'complete');
    }));
  test('it wakes later than now, and no later than it expires', () =>
    each((wanted, seen, rules, now) => {
      const next = nextOf(wanted, seen, rules, now);
      if (next.kind !== 'wait' || next.until === null) return;
      assert.ok(next.until > now);
      if (seen.begun !== wanted.id && wanted.notAfter !== null) assert.ok(next.until <= wanted.notAfter);
    }));
  test('a window that opens too late, or never, is no reason to wait', () => {
    const wanted: Job = {
      id: 'a',
      due: NOW,
      notAfter: NOW + 3_600_000,
      by: 'ada',
      needsApproval: false,
      approvedBy: null,
      stopped: null,
    };
    const seen: Standing = { ended: new Set(), begun: undefined, leased: false };
    assert.deepEqual(nextOf(wanted, seen, night, NOW), { kind: 'expire' });
    assert.deepEqual(nextOf({ ...wanted, notAfter: null }, seen, night, NOW), {
      kind: 'wait',
      what: 'window',
      until: Date.parse('2026-11-27T02:00Z'),
    });
  });
  test('somebody else approves it', () => {
    const wanted: Job = {
      id: 'a',
      due: NOW,
      notAfter: null,
      by: 'ada',
      needsApproval: true,
      approvedBy: null,
      stopped: null,
    };
    assert.match(notApproved(wanted, 'ada') ?? '', /somebody else/);
    assert.equal(notApproved(wanted, 'bob'), undefined);
    assert.match(notApproved({ ...wanted, needsApproval: false }, 'bob') ?? '', /no approval/);
    assert.match(notApproved({ ...wanted, stopped: 'cancelled' }, 'bob') ?? '', /cancelled/);
  });
});
