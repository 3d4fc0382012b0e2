import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';

const MAIN = join(import.meta.dirname, '../../src/main.ts');
const folder = mkdtempSync(join(tmpdir(), 'verdict-'));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs `orchestrate verdict` where there is no inventory; `input` is its standard input. */
function verdict(args: readonly string[], input = ''): Promise<Ended> {
  const child = spawn(process.execPath, [MAIN, 'verdict', ...args], { cwd: folder });
  const said = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => (said.out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (said.err += chunk.toString()));
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, ...said })));
}

const windows = (count: number, errors: number, n = 20): string =>
  Array.from({ length: count }, (_, at) =>
    JSON.stringify({ t: at * 5, canary: { n, errors }, baseline: { n: 180, errors: 0 } }),
  ).join('\n');

describe('orchestrate verdict', () => {
  test('has the verdict as its exit code, and one line a window with --json', async () => {
    const cases = [
      [windows(40, 0), 'PASS', 0],
      [windows(40, 1), 'FAIL', 1],
      [windows(5, 0), 'UNDECIDED', 5],
      [windows(40, 0, 0), 'NO-DATA', 6],
    ] as const;
    for (const [input, expected, code] of cases) {
      const file = join(folder, `${expected}.ndjson`);
      writeFileSync(file, `${input}\n`);
      const json = await verdict(['--windows', file, '--json']);
      assert.deepEqual([json.code, json.err], [code, '']);
      const lines = json.out.trimEnd().split('\n');
      assert.equal(lines.length, input.split('\n').length);
      const last = JSON.parse(lines.at(-1) ?? '') as Record<string, unknown>;
      assert.deepEqual(Object.keys(last), ['ln_e_errors', 'ln_e_tail', 'ln_e_rank', 'ln_e', 'ln_pass', 'verdict']);
      assert.equal(last['verdict'], expected);
    }
  });

  test('names every line that is wrong, and prints nothing else', async () => {
    const file = join(folder, 'wrong.ndjson');
    writeFileSync(
      file,
      `${windows(2, 0)}\n\n{"t":2,"canary":{"n":1,"errors":0},"baseline":{"n":1,"errors":0}}\n{"t":9,"canary":{"n":"1"}}\n`,
    );
    const { code, out, err } = await verdict(['--windows', file, '--json']);
    assert.deepEqual([code, out], [2, '']);
    assert.ok(err.includes(`${file}:4: t: at least that of the line before (5) was expected, not 2`), err);
    assert.ok(err.includes(`${file}:5: canary.n: a whole number, 0 or more was expected, not "1"`), err);
  });

  test('refuses a file that is not there, a folder, and shares that are none', async () => {
    for (const [args, expected] of [
      [['--windows', 'nowhere.ndjson'], /nowhere\.ndjson can't be read: ENOENT/],
      [['--windows', '.'], /can't be read: EISDIR/],
      [['--windows', '-', '--false-alarms', '0%'], /a share above 0% and below 100%/],
    ] as const) {
      const { code, err } = await verdict(args);
      assert.equal(code, 2, err);
      assert.match(err, expected);
    }
  });

  test('tells somebody who knows no statistics what is what', async () => {
    const { code, out } = await verdict(['--windows', '-'], windows(5, 0));
    assert.equal(code, 5);
    assert.match(out, /^UNDECIDED: there is not enough evidence/);
    assert.match(out, /requests +100 +900/);
    assert.match(
      out,
      /one that errs in 1 % of its requests where the baseline errs in 0\.1 % FAILs after about \d+ (s|min) /,
    );
  });
});
