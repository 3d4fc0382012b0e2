import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reportOf, type SideSums } from '../../src/core/ab/report.ts';
import { NO_TIMES } from '../../src/core/verdict/bins.ts';
import { abLines } from '../../src/tell/ab.ts';

const side = (clients: number, order: number): SideSums => ({
  requests: clients * 9,
  errors: 0,
  times: NO_TIMES,
  clients,
  goals: { order },
});
const linesOf = (...counted: [number, number, number, number][]): string =>
  abLines(
    reportOf(
      counted.map(([a, orderA, b, orderB]) => ({ a: side(a, orderA), b: side(b, orderB) })),
      0.5,
      ['order'],
    ),
  ).join('\n');

test('a goal is told in words: what is known, and what is not yet', () => {
  assert.match(
    linesOf([1000, 100, 1000, 200]),
    /order: A 100 users \(10\.0 %\), B 200 users \(20\.0 %\)\.\n {2}B is better: B has between 1\.\d\d times and [23]\.\d\d times/,
  );
  assert.match(linesOf([1000, 200, 1000, 100]), /A is better/);
  assert.match(
    linesOf([1000, 100, 1000, 105]),
    /not known yet: B has between 0\.\d\d times and 1\.\d\d times .*; 1\.05 times so far/,
  );
  assert.match(
    linesOf([0, 0, 0, 0]),
    /order: A 0 users, B 0 users\.\n {2}Which side is better is not known yet: B has between 0\.00 times and any number/,
  );
  assert.match(linesOf([10, 1, 10, 1], [10, 1, 10, 1]), /counted by each of them/);
});
