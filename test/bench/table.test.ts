import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { secondsOut } from '../../bench/out.ts';
import type { Round } from '../../bench/round.ts';
import { median, rollTable, table } from '../../bench/table.ts';

const round = (contender: string, wall: number, failed = 0): Round => ({
  contender,
  backends: 4,
  wall,
  out: wall / 2,
  cpu: 1,
  memory: 1e8,
  sent: 1000,
  failed,
  byKind: {},
  p99Before: 50,
  p99During: 60,
  reloads: 0,
  moving: NaN,
  left: NaN,
  began: 0,
  events: [],
});

describe("the bench's tables", () => {
  test('tell medians, beside those of bash', () => {
    const told = rollTable([round('bash', 20, 3), round('bash', 10, 4), round('bash', 90), round('orchestrate', 10)]);
    const [bash, orchestrate] = told
      .split('\n')
      .slice(2)
      .map((line) => line.split('|').map((cell) => cell.trim()));
    assert.deepEqual(bash?.slice(1, 5), ['bash', '3', '20.0', '10.0']);
    assert.ok(bash?.includes('7 of 3000'));
    assert.deepEqual(orchestrate?.slice(1, 5), ['orchestrate', '1', '10.0 (0.50 ×)', '5.0 (0.50 ×)']);
    assert.ok(orchestrate?.includes('1.20'));
  });

  test('tell no ratio where bash was not measured', () => {
    assert.match(rollTable([round('orchestrate', 10)]), /\| 10\.0 +\| 5\.0 /);
  });

  test('take the middle, or between the two in the middle', () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 2, 3]), 2.5);
    assert.ok(Number.isNaN(median([])));
  });

  test('are padded', () => {
    assert.equal(
      table([
        ['', 'b'],
        ['long', '1'],
      ]),
      '|      | b |\n|------|---|\n| long | 1 |',
    );
  });

  test('count host-seconds from what a peer prints, and nothing else of it', () => {
    assert.equal(secondsOut('out web1 10.5\nnoise\nin web1 12\nout web2 12.5\nin web2 13\n'), 2);
  });
});
