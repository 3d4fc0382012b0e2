import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readInventory } from '../../../src/core/inventory.ts';
import { inventoryOf, problemsOf, warningsOf, written } from './world.ts';

const first = (key: string, value: string): string => problemsOf({ [key]: value })[0] ?? '';
const window = (entry: string): string => first('windows', `[${entry}]`);
const freeze = (entry: string): string => first('freezes', `[${entry}]`);
const days = (text: string) =>
  inventoryOf({ windows: `[{ days: ${text}, from: "02:00", to: "05:00" }]` }).windows[0]?.days;

describe('windows and freezes in an inventory', () => {
  test('none: at any time; the zone is UTC, and a roll is finished', () => {
    const { windows, freezes, time_zone, windows_on_close } = inventoryOf({});
    assert.deepEqual([windows, freezes, time_zone, windows_on_close], [[], [], 'UTC', 'finish']);
    assert.deepEqual(inventoryOf({ windows: '', freezes: '', time_zone: '', windows_on_close: '' }), inventoryOf({}));
  });

  test('times of day are minutes, days are in the week’s order, the zone is its own or the fleet’s', () => {
    const read = inventoryOf({
      time_zone: 'Asia/Kolkata',
      windows: '[{ days: sun, from: 22:00, to: 02:30 }, { from: "00:00", to: 24:00, time_zone: Europe/Berlin }]',
    });
    assert.deepEqual(read.windows, [
      { days: ['sun'], from: 1320, to: 150, time_zone: 'Asia/Kolkata' },
      { days: ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'], from: 0, to: 1440, time_zone: 'Europe/Berlin' },
    ]);
    assert.deepEqual(days('mon-thu'), ['mon', 'tue', 'wed', 'thu']);
    assert.deepEqual(days('"sat, mon"'), ['mon', 'sat']);
    assert.deepEqual(days('fri-mon'), ['mon', 'fri', 'sat', 'sun']);
    assert.deepEqual(days('[sun, tue-wed, tue]'), ['tue', 'wed', 'sun']);
  });

  test('a freeze is from instant to instant: a date is in it to its end, a time is not', () => {
    const [dates, times] = inventoryOf({
      time_zone: 'Europe/Berlin',
      freezes: `[{ from: 2026-12-20, to: 2027-01-03, reason: holidays }, { from: 2026-12-20T18:00, to: 2026-12-21 06:00, time_zone: UTC }]`,
    }).freezes;
    assert.deepEqual(dates, {
      from: Date.UTC(2026, 11, 19, 23),
      to: Date.UTC(2027, 0, 3, 23),
      reason: 'holidays',
    });
    assert.deepEqual(times, { from: Date.UTC(2026, 11, 20, 18), to: Date.UTC(2026, 11, 21, 6) });
  });

  test('a zone that does not exist is refused, with the one that was meant', () => {
    assert.match(
      first('time_zone', 'Europe/Berln'),
      /^time_zone: must be a time zone .* did you mean Europe\/Berlin\?$/,
    );
    assert.match(first('time_zone', 'new york'), /did you mean America\/New_York\?$/);
    assert.match(
      first('time_zone', '"+02:00"'),
      /^time_zone: must be a time zone such as Europe\/Berlin or UTC, not "\+02:00"$/,
    );
    assert.match(first('time_zone', '2'), /^time_zone: must be text/);
    assert.match(window('{ from: "02:00", to: "03:00", time_zone: Mars/Olympus }'), /^windows\[0\].time_zone: must be/);
    assert.match(
      freeze('{ from: 2026-12-20, to: 2026-12-21, time_zone: Mars/Olympus }'),
      /^freezes\[0\].time_zone: must/,
    );
    for (const name of ['Europe/Berlin', 'UTC', 'Etc/GMT+5', 'America/Argentina/Buenos_Aires'])
      assert.deepEqual(problemsOf({ time_zone: name }), []);
  });

  test('a window that never opens is refused', () => {
    assert.match(
      window('{ from: "02:00", to: "02:00" }'),
      /^windows\[0\].to: is the same as from, so that it never opens/,
    );
    for (const none of ['""', '[]'])
      assert.match(
        window(`{ days: ${none}, from: "02:00", to: "03:00" }`),
        /^windows\[0\].days: has no day, so that it/,
      );
  });

  test('what is no day, time or date is refused', () => {
    for (const bad of ['Mon', 'monday', 'mon-', 'mon-tue-wed', 'mon thu', 'mon,,tue'])
      assert.match(
        window(`{ days: "${bad}", from: "02:00", to: "03:00" }`),
        /^windows\[0\].days: must be days such/,
        bad,
      );
    assert.match(window('{ days: 3, from: "02:00", to: "03:00" }'), /^windows\[0\].days: must be days such as/);
    for (const bad of ['2:00', '24:00', '02:60', '02:00:00', '2 am'])
      assert.match(window(`{ from: "${bad}", to: "03:00" }`), /^windows\[0\].from: must be a time of day/, bad);
    assert.match(
      window('{ from: "02:00", to: "24:01" }'),
      /^windows\[0\].to: must be a time of day from "00:00" to "24:00"/,
    );
    assert.match(window('{ from: "02:00" }'), /^windows\[0\].to: is required/);
    assert.match(first('windows', '{ from: "02:00", to: "03:00" }'), /^windows: must be a list of windows/);
    for (const bad of ['2026-02-30', '2026-13-01', '20.12.2026', '2026-12-20T24:00', '2026-12-20T18:00:00Z'])
      assert.match(
        freeze(`{ from: "${bad}", to: 2027-12-21 }`),
        /^freezes\[0\].from: (must be a date|is a day that)/,
        bad,
      );
    assert.match(first('windows_on_close', 'stop'), /^windows_on_close: must be finish, halt or rollback/);
  });

  test('a freeze that ends before it begins is refused; one of a single day is one', () => {
    assert.match(freeze('{ from: 2027-01-03, to: 2026-12-20 }'), /^freezes\[0\].to: is before it begins/);
    assert.match(freeze('{ from: 2026-12-20T18:00, to: 2026-12-20T18:00 }'), /^freezes\[0\].to: is before it begins/);
    assert.deepEqual(problemsOf({ freezes: '[{ from: 2026-12-20, to: 2026-12-20 }]' }), []);
    assert.deepEqual(problemsOf({ freezes: '[{ from: 2026-12-20T18:00, to: 2026-12-20 }]' }), []);
  });

  test('each problem has its place', () => {
    const text = written({ windows: '[{ from: "02:00", to: "03:00" }, { from: "2", to: "03:00" }]' });
    const read = readInventory(text, 'f', '/h');
    const line = text.split('\n').findIndex((each) => each.startsWith('windows')) + 1;
    assert.deepEqual(read.ok ? [] : read.problems.map((problem) => [problem.line, problem.column, problem.path]), [
      [line, 51, 'windows[1].from'],
    ]);
  });

  test('freezes that leave no opening for more than a year are doubtful, one after the other too', () => {
    const windows = '[{ days: sun, from: "02:00", to: "03:00" }]';
    assert.deepEqual(warningsOf({ windows, freezes: '[{ from: 2026-12-20, to: 2072-01-03 }]' }).length, 1);
    const [first_, ...more] = warningsOf({
      freezes: '[{ from: 2026-01-01, to: 2026-12-31 }, { from: 2027-01-01, to: 2027-01-15 }]',
    });
    assert.match(first_ ?? '', /^freezes\[0\]: leaves no opening for 380 days/);
    assert.deepEqual(more, []);
    assert.deepEqual(warningsOf({ windows, freezes: '[{ from: 2026-12-20, to: 2027-12-03 }]' }), []);
  });
});
