import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { parseBalancerFacts } from '../../src/core/balancer-facts.ts';

const output = `boot 0b-1
uptime 100.25
version 1.22.1
master 7
worker 8 900 serving
worker 9 950 ending
worker x
folder writable
live generations/000042
record {"version":1,"app":"shop","generation":42,"table":{"stable":"all"},"backends":{},"intent":null,"token":1,"holder":"a","command":"","by":"","at":"2026-11-23T02:14:00Z"}
lane stable all
highest 43
generation 000042 ${'a'.repeat(64)}
generation 000043 ${'b'.repeat(64)}
fence 3 9 abc
file readable
sha256 ${'c'.repeat(64)}
`;

test('what a balancer printed is read', () => {
  const facts = parseBalancerFacts(output, 'known');
  assert.deepEqual(facts.problems, []);
  assert.deepEqual(
    [facts.live, facts.highest, facts.uptime, facts.nginx, facts.text],
    [42, 43, 100.25, '1.22.1', 'known'],
  );
  assert.deepEqual(facts.workers, [
    { pid: 8, start: '900', ending: false },
    { pid: 9, start: '950', ending: true },
  ]);
  assert.equal(facts.prepared.get(43), 'b'.repeat(64));
  assert.deepEqual(facts.fence, { token: 3, sequence: 9, holder: 'abc' });
});

const problems = (from: string | RegExp, to: string): string =>
  parseBalancerFacts(output.replace(from, to), null).problems.join();

test('what does not fit together is a problem in words', () => {
  assert.match(
    problems('generations/000042', 'generations/000041'),
    /record in generation 41 is that of generation 42/,
  );
  assert.match(problems('lane stable all', 'lane stable out-web1'), /changed by hand/);
  assert.match(problems('"version":1', '"version":9'), /version 9/);
  assert.match(problems(/^record .*$/m, ''), /no record that can be read/);
  assert.match(problems('generations/000042', '/etc'), /names no generation/);
  assert.match(problems('uptime', 'up'), /uptime/);
  assert.match(problems('file readable', 'file readable\ntext H4sI!!'), /could not be read whole/);
  assert.match(problems('fence', 'lease {}\nfence'), /lease\.json/);
});

test('whatever was printed, reading it gives facts and words, never a crash', () => {
  fc.assert(
    fc.property(fc.nat(output.length), fc.nat(30), fc.string({ unit: 'binary', maxLength: 8 }), (at, drop, put) => {
      const parsed = parseBalancerFacts(output.slice(0, at) + put + output.slice(at + drop), null);
      // oxlint-disable-next-line no-control-regex
      for (const problem of parsed.problems) assert.match(problem, /^[^\u0000-\u001f]+$/);
    }),
    { numRuns: 2000 },
  );
});
