import assert from 'node:assert/strict';
import { test } from 'node:test';
import { head, printable, scriptFailure, story, tail } from '../../src/core/failure.ts';

const exited = (stderr: string, stdout = '', code = 1) => ({ kind: 'exited', code, stdout, stderr }) as const;

test('a script that gave up says why first, then what led to it, then what to do', () => {
  const failure = scriptFailure('web1', 'build', exited('$ make\nmake: no rule\nfailed: make\n', 'begun\n'));
  assert.deepEqual(story(failure), [
    'web1: build: failed: make',
    '    begun',
    '    $ make',
    '    make: no rule',
    '  What to do: Mend what stands above, then run the same command again.',
  ]);
});

test('what said nothing is told by how it ended', () => {
  assert.equal(scriptFailure('web1', 'build', exited('', 'begun')).what, 'ended with exit code 1');
  const lost = { kind: 'lost', reason: 'ECONNRESET', stdout: '', stderr: 'half a line' } as const;
  const failure = scriptFailure('web1', 'build', lost);
  assert.match(failure.what, /lost its ssh connection \(ECONNRESET\); what it has done by now is not known/);
  assert.deepEqual(failure.output, ['half a line']);
  assert.match(failure.next, /orchestrate status/);
});

test('the remedy is that of what was said', () => {
  const next = (stderr: string): string => scriptFailure('web1', 'build', exited(stderr)).next;
  assert.match(next('tar: x: Cannot write: No space left on device\ncut'), /Make room on that host/);
  assert.match(next("mkdir: cannot create directory '/srv': Permission denied"), /orchestrate check/);
  assert.match(next('ERROR: No matching distribution\npip could not install r.txt'), /requirements/);
  assert.match(
    next('http://127.0.0.1:1/healthz (Host: x) answered 302 where 200 was wanted, a redirect to /login'),
    /redirect is not health/,
  );
  assert.match(next('after 5 s: http://127.0.0.1:1/ (Host: x) answered 400 where 200 was wanted'), /ALLOWED_HOSTS/);
  assert.match(next('90 MB …, and another application beside the one on port 8000, which'), /`slots: \[8000\]` beside/);
  const hinted = (code: number): string => scriptFailure('web1', 'start', exited('', '', code), 'Or so.').next;
  assert.match(hinted(1), /^Mend what stands above, .* Or so\.$/);
  assert.doesNotMatch(hinted(78), /Or so/, 'nothing was tried');
  assert.match(scriptFailure('web1', 'build', exited('too late', '', 75)).next, /Another operator/);
});

test("Gunicorn's own traceback does not hide the application's", () => {
  const own = [
    'Traceback (most recent call last):',
    '  File "a.py", line 1, in <module>',
    'RuntimeError: it is locked',
  ];
  const frames = Array.from({ length: 30 }, (_, at) => `  File "arbiter.py", line ${at}, in run`);
  const halt = 'gunicorn.errors.HaltServer: <HaltServer 3>';
  const output = [...own, 'Worker exiting', 'Traceback (most recent call last):', ...frames, halt].join('\n');
  assert.deepEqual(tail(output), [...own, 'Worker exiting', halt]);
  // Where the end of one was cut off above, nothing is known of it.
  assert.deepEqual(tail([...frames.slice(0, 3), halt].join('\n')), [...frames.slice(0, 3), halt]);
});

test('of an output the end is shown without escapes, and each repeated line once', () => {
  assert.deepEqual(tail('a\n\nb\nb\r\nb\n\u001b[31mred\u001b[0m\u0007\n', 3), ['a', 'b (3 times)', 'red']);
  assert.deepEqual(tail('a\nb\nc', 2), ['b', 'c']);
  assert.deepEqual(head('<!doctype html>\n\n<html>\n<head>', 2), ['<!doctype html>', '<html>']);
  assert.equal(printable('a\u001b]0;title\u0007b\u0000'), 'ab');
});
