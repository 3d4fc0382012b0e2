import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { LOG_END, parseBakeCounts, type BakeLook } from '../../src/core/bake.ts';
import { run, Stand, until } from './stand.ts';

let folder: string;
let log: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'log-'));
  log = join(folder, 'shop.json');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const line = (time: number, upstream: string, status: string, upstreamStatus: string, client = '10.9.9.9'): string =>
  `{"time":"${time}","upstream":"${upstream}","status":"${status}","upstream_status":"${upstreamStatus}",` +
  `"upstream_time":"0.001","request_time":"0.001","group":"shop-all","root":"/r/live/07","lane":"07","client":"${client}","request":"x"}\n`;
const look = async (at: BakeLook['at'], how: 'whole' | 'all' = 'all'): Promise<BakeLook> => {
  const read = parseBakeCounts((await run('bake-counts', [log, ...at, how])).out);
  assert.ok(!('problem' in read));
  return read;
};
const lines = ({ slices }: BakeLook): string[] =>
  slices.map(({ epoch, address, requests, errors }) => `${epoch} ${address} ${requests} ${errors}`).toSorted();

test('attempts and errors of each backend in slices; one client errs once a slice; 499 is no error', async () => {
  writeFileSync(log, '');
  const start = await look(LOG_END);
  appendFileSync(
    log,
    [
      line(1000.5, 'a:1', '200', '200'),
      line(1001, 'a:1, b:1', '200', '502, 200'),
      line(1002, 'a:1', '500', '500'),
      line(1003, 'b:1', '503', '503', 'other'),
      line(1004, 'b:1', '499', '-', 'third'),
      line(1004.5, 'b:1', '504', '-', 'fourth'),
      line(1005, 'a:1', '500', '500'),
      line(1006, '', '200', ''),
      '{"strange":"x"}\n',
    ].join(''),
  );
  const found = await look(start.at);
  assert.deepEqual(lines(found), ['1000 a:1 3 1', '1000 b:1 4 2', '1005 a:1 1 1']);
  assert.equal(found.strange, 1);
  assert.deepEqual(lines(await look(found.at)), []);
});

test('nothing is lost or counted twice over half-written lines, slices that are not over, and rotation', async () => {
  writeFileSync(log, line(500, 'a:1', '200', '200'));
  const now = Math.floor(Date.now() / 5000) * 5;
  let at = (await look(['0', (await look(LOG_END)).at[1]])).at;
  const [half, rest] = [line(1000, 'a:1', '200', '200').slice(0, 40), line(1000, 'a:1', '200', '200').slice(40)];
  appendFileSync(log, half);
  let found = await look(at);
  assert.deepEqual(found.at, at);
  appendFileSync(log, rest + line(now + 3, 'a:1', '200', '200') + line(1001, 'late:1', '200', '200'));
  found = await look(at, 'whole');
  assert.deepEqual(lines(found), ['1000 a:1 1 0']);
  at = found.at;
  renameSync(log, `${log}.1`);
  writeFileSync(log, line(now + 4, 'b:1', '200', '200'));
  found = await look(at);
  assert.deepEqual(lines(found), [`${now} a:1 1 0`, `${now} b:1 1 0`, '1000 late:1 1 0'].toSorted());
  assert.equal(found.gap, false);
  rmSync(`${log}.1`);
  assert.deepEqual(lines(await look(found.at)), []);
  renameSync(log, join(folder, 'gone'));
  rmSync(join(folder, 'gone'));
  writeFileSync(log, '');
  assert.equal((await look(['5', '1'])).gap, true);
  assert.equal((await run('bake-counts', [join(folder, 'none'), '-', '-', 'all'])).code, 78);
});

test('the format that Nginx writes is the one that is read', async () => {
  const stand = new Stand();
  try {
    const shop = await stand.app('shop', 2);
    await stand.start();
    await stand.move(shop, 'none', '000001', 'stable=out-web2');
    for (const path of ['/?"quoted"', '/?status=503', '/a?status=500', '/static/none']) {
      await stand.ask(shop, path, { headers: { 'user-agent': '","upstream":"10.0.0.1:1' } });
    }
    log = shop.nginx.access_log;
    const inode = (await look(LOG_END)).at[1];
    const address = `127.0.0.1:${shop.backends[0]!.slots[0]}`;
    await until(async () =>
      lines(await look(['0', inode]))
        .join()
        .includes(' 3 '),
    );
    const found = await look(['0', inode]);
    assert.equal(found.strange, 0);
    assert.ok(
      found.slices.every((slice) => slice.address === address),
      lines(found).join(),
    );
    // Two errors of one client in one slice are one.
    assert.equal(
      found.slices.reduce((sum, { errors }) => sum + errors, 0),
      found.slices.length,
    );
  } finally {
    await stand.close();
  }
});
