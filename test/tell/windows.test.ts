import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { calendarOf } from '../../src/core/window-calendar.ts';
import { windowsLines } from '../../src/tell/windows.ts';
import { inventoryOf } from '../core/inventory/world.ts';

// A Thursday.
const NOW = Date.UTC(2026, 10, 26, 12);

describe('windows', () => {
  test('are listed with the freezes, in the fleet’s zone and in the reader’s', () => {
    const inventory = inventoryOf({
      time_zone: 'Europe/Berlin',
      windows: '[{ days: "mon,thu", from: "02:00", to: "05:00" }]',
      freezes: '[{ from: 2026-11-30, to: 2026-12-01, reason: a sale }, { from: 2027-05-01, to: 2027-05-02 }]',
    });
    assert.deepEqual(windowsLines(calendarOf(inventory, NOW, 'America/New_York')), [
      'shop: a release may not be rolled now: no window is open.',
      '',
      'The next 14 days:',
      '        FROM (Europe/Berlin)  TO                    LONG  FROM (America/New_York)  TO                    WHY',
      'FROZEN  Mon 2026-11-30 00:00  Wed 2026-12-02 00:00  48 h  Sun 2026-11-29 18:00     Tue 2026-12-01 18:00  a sale',
      'open    Thu 2026-12-03 02:00  Thu 2026-12-03 05:00  3 h   Wed 2026-12-02 20:00     Wed 2026-12-02 23:00  mon,thu 02:00 to 05:00 (Europe/Berlin)',
      'open    Mon 2026-12-07 02:00  Mon 2026-12-07 05:00  3 h   Sun 2026-12-06 20:00     Sun 2026-12-06 23:00  mon,thu 02:00 to 05:00 (Europe/Berlin)',
      'open    Thu 2026-12-10 02:00  Thu 2026-12-10 05:00  3 h   Wed 2026-12-09 20:00     Wed 2026-12-09 23:00  mon,thu 02:00 to 05:00 (Europe/Berlin)',
    ]);
  });

  test('have instants in UTC and in both zones, for programs', () => {
    const inventory = inventoryOf({
      time_zone: 'Asia/Kolkata',
      windows: '[{ from: "22:00", to: "04:00" }]',
    });
    const calendar = calendarOf(inventory, NOW, 'America/New_York');
    assert.equal(calendar.openings.length, 14);
    assert.deepEqual(calendar.openings[0]?.from, {
      at: '2026-11-26T16:30:00.000Z',
      fleet: '2026-11-26T22:00:00+05:30',
      reader: '2026-11-26T11:30:00-05:00',
    });
    assert.deepEqual([calendar.open, calendar.later], [false, null]);
  });

  test('that none opens in that time is told, with the one that does', () => {
    const freezes = '[{ from: 2026-11-20, to: 2027-01-03, reason: holidays }]';
    const frozen = inventoryOf({ windows: '[{ days: mon-thu, from: "02:00", to: "05:00" }]', freezes });
    const lines = windowsLines(calendarOf(frozen, NOW, 'UTC'));
    assert.deepEqual(lines.slice(0, 2), [
      'shop: a release may not be rolled now: the freeze (holidays) holds until Mon 2027-01-04 00:00 UTC.',
      'Nothing opens in the next 14 days: the next opening is Mon 2027-01-04 02:00 UTC.',
    ]);
    assert.match(lines.at(-1) ?? '', /^FROZEN  Fri 2026-11-20 00:00  Mon 2027-01-04 00:00  45 days/);
  });

  test('without windows a release may be rolled between the freezes; without freezes at any time', () => {
    const frozen = inventoryOf({ freezes: '[{ from: 2026-12-01, to: 2026-12-01 }]' });
    const lines = windowsLines(calendarOf(frozen, NOW, 'UTC'));
    assert.equal(
      lines[0],
      'shop: a release may be rolled now: it is open until Tue 2026-12-01 00:00 UTC, when a freeze begins.',
    );
    assert.match(lines.at(-1) ?? '', /^open    Wed 2026-12-02 00:00  no end$/);
    assert.deepEqual(windowsLines(calendarOf(inventoryOf({}), NOW, 'UTC')), [
      'shop: a release may be rolled at any time: the inventory has no windows and no freezes.',
    ]);
  });
});
