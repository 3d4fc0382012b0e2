import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { asOperator, give, NAME, startAsOperator } from './plain-user.ts';

describe('preflight', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'preflight-'));
    chmodSync(folder, 0o755);
    mkdirSync(join(folder, 'ours'));
    mkdirSync(join(folder, 'root/virtualenvs/abc'), { recursive: true });
    writeFileSync(join(folder, 'root/virtualenvs/abc/complete'), '60000\n');
    give(join(folder, 'ours'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));
  const look = (...args: string[]): Promise<string> => asOperator('preflight', args);

  test('says nothing where nothing is missing', async () => {
    const [ours, root] = [join(folder, 'ours'), join(folder, 'root')];
    assert.equal(await look('write', ours, 'write', `${ours}/to/be/made`, 'room', root, 'abc', 'test', 'exit 0'), '');
  });

  test('names every right that is missing, with the line that mends it, not the first alone', async () => {
    const closed = join(folder, 'closed');
    mkdirSync(closed);
    chmodSync(closed, process.getuid?.() === 0 ? 0o755 : 0o555);
    const file = join(folder, 'file');
    writeFileSync(file, '');
    await assert.rejects(look('write', `${closed}/static`, 'write', file), (error: Error) => {
      assert.match(error.message, /ended with 78/);
      assert.ok(
        error.message.includes(
          `${NAME} can't write in ${closed}/static; as root: install -d -o ${NAME} ${closed}/static`,
        ),
      );
      assert.ok(error.message.includes(`${NAME} can't write in ${file};`));
      return true;
    });
  });

  test('holds what the application takes, with its workers, against the memory that is free', async () => {
    const file = join(folder, 'ours/8000.pid');
    const memory = (percent: number): Promise<string> => look('memory', file, '8000', String(percent));
    assert.equal(await memory(130), '', 'nothing runs there');
    const running = startAsOperator('sh', ['-c', 'sleep 60 & wait']);
    try {
      writeFileSync(file, `${running.pid}\n`);
      assert.equal(await memory(130), '');
      // No machine has that much.
      await assert.rejects(
        memory(1_000_000_000_000),
        /\d+ MB of memory are free, and another application beside the one on port 8000, which takes \d+ MB, may need \d{6,} MB\n/,
      );
    } finally {
      running.kill('SIGKILL');
    }
  });

  test('names a wrapper that does not run, and waits a moment for one that is just being started again', async () => {
    const file = join(folder, 'ours/8001.slot');
    await assert.rejects(look('wrapper', file, '8001'), /no wrapper runs for port 8001 \(.*8001\.slot\)/);
    const program = join(folder, 'run-slot.sh');
    writeFileSync(program, 'sleep 60 & wait\n');
    chmodSync(program, 0o755);
    const looked = look('wrapper', file, '8001');
    const running = startAsOperator('sh', [program]);
    try {
      writeFileSync(file, `${running.pid}\n`);
      assert.equal(await looked, '');
      // Another process has its id by now.
      writeFileSync(file, `${process.pid}\n`);
      await assert.rejects(look('wrapper', file, '8001'), /no wrapper runs/);
    } finally {
      running.kill('SIGKILL');
    }
  });

  test('quotes what the test of Nginx says', async () => {
    const nginx =
      "echo 'nginx: [emerg] unknown directive \"x\" in /a:1' >&2; echo 'nginx: configuration file /b test failed' >&2; exit 1";
    await assert.rejects(look('test', nginx), /fails: nginx: \[emerg\] unknown directive "x" in \/a:1\n/);
  });

  test('counts a virtual environment that is still to come, by the largest that is there', async () => {
    // No disk has room for this one.
    const crowded = join(folder, 'crowded');
    mkdirSync(join(crowded, 'virtualenvs/abc'), { recursive: true });
    writeFileSync(join(crowded, 'virtualenvs/abc/complete'), '9000000000000\n');
    assert.equal(await look('room', crowded, 'abc'), '');
    await assert.rejects(
      look('room', crowded, 'def'),
      /only \d+ kB are free at .*crowded, and this takes up to 13500000010240 kB/,
    );
  });
});
