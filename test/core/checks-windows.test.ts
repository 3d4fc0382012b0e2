import assert from 'node:assert/strict';
import { test } from 'node:test';
import { windowChecks } from '../../src/core/checks/windows.ts';
import { inventoryOf } from './inventory/world.ts';

const NOW = Date.UTC(2026, 10, 26, 12);
const WINDOWS = '[{ days: mon-thu, from: "02:00", to: "05:00" }]';
const checks = (changes: Readonly<Record<string, string>>, now = NOW) => windowChecks(inventoryOf(changes), now, 'UTC');

test('check says when a roll may begin, and that nothing opens for long', () => {
  assert.deepEqual(checks({}), []);
  assert.deepEqual(
    checks({ windows: WINDOWS }).map(({ verdict, says }) => [verdict, says]),
    [
      [
        'ok',
        'windows: no window is open; the next opening is Mon 2026-11-30 02:00 UTC, for 3 h: mon-thu 02:00 to 05:00 (UTC)',
      ],
    ],
  );
  assert.match(
    checks({ windows: WINDOWS }, Date.UTC(2026, 10, 26, 3))[0]?.says ?? '',
    /^windows: a release may be rolled now/,
  );
  const [long] = checks({ windows: WINDOWS, freezes: '[{ from: 2026-11-20, to: 2062-01-03 }]' });
  assert.equal(long?.verdict, 'note');
  assert.match(
    long?.says ?? '',
    /: a freeze holds until .*; the next opening is Wed 2062-01-04 02:00 UTC.* \(128\d\d days from now\)$/,
  );
});
