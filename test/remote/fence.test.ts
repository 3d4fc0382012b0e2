import assert from 'node:assert/strict';
import { readdirSync, symlinkSync } from 'node:fs';
import { after, test } from 'node:test';
import { RELEASE, Workshop } from './workshop.ts';

const shop = new Workshop();
after(() => shop.close());

test('whoever raises the fence of a backend removes the temporary names that nobody has any more, and nothing else', async () => {
  const root = shop.path('backend');
  shop.write('backend/.orchestrate', { 'incoming/bytes': 'half', 'fence.123': '1 2 ada\n', 'static/a.list': '' });
  shop.write('backend', { 'slots/': '' });
  shop.write(`backend/${RELEASE}`, { 'release.json': '{}' });
  for (const name of ['current', 'current.77', 'previous.78', 'slots/8000', 'slots/8000.79'])
    symlinkSync(RELEASE, `${root}/${name}`);
  assert.equal((await shop.run('fence', shop.fence(root))).code, 0);
  assert.deepEqual(readdirSync(root).toSorted(), ['.orchestrate', RELEASE, 'current', 'slots'].toSorted());
  assert.deepEqual(readdirSync(`${root}/slots`), ['8000']);
  assert.deepEqual(readdirSync(`${root}/.orchestrate`).toSorted(), ['fence', 'lock', 'static']);
});

test('so it does on a balancer', async () => {
  const folder = shop.path('balancer');
  shop.write('balancer', {
    'generations/new-000008/record.json': '{}',
    'generations/old-000007/record.json': '{}',
    'generations/000007/record.json': '{}',
    'lanes.new/x': '',
    'lanes/x': '',
    'lease.json.new': 'another lock guards it',
  });
  symlinkSync('generations/000007', `${folder}/live`);
  symlinkSync('generations/000008', `${folder}/live.4711`);
  assert.equal((await shop.run('fence', [folder, '1', '1', 'ada'])).code, 0);
  assert.deepEqual(readdirSync(folder).toSorted(), ['fence', 'generations', 'lanes', 'lease.json.new', 'live', 'lock']);
  assert.deepEqual(readdirSync(`${folder}/generations`), ['000007']);
});
