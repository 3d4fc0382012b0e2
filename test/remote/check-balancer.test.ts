import assert from 'node:assert/strict';
import { appendFileSync, chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { parseBalancerFacts } from '../../src/core/balancer-facts.ts';
import type { Check } from '../../src/core/checks.ts';
import { accessLogChecks } from '../../src/core/checks/access-log.ts';
import { balancerChecks } from '../../src/core/checks/balancer.ts';
import { readLines } from '../../src/core/checks/lines.ts';
import { routingChecks } from '../../src/core/checks/routing.ts';
import { sudoChecks } from '../../src/core/checks/sudo.ts';
import type { Answer } from '../../src/core/facts.ts';
import type { Backend, Inventory } from '../../src/core/inventory.ts';
import { readLogTail } from '../../src/core/routing/foreign.ts';
import { asOperator, give, NAME, take } from './plain-user.ts';
import { Stand } from './stand.ts';

const stand = new Stand();
const tools = join(stand.folder, 'tools');
let shop: Inventory;

/** What sudo says of this user's rights; what else it is asked to run succeeds. */
function sudoAllows(entry: string, status = 0): void {
  const said = `Matching Defaults entries for x on lb1:\\n    env_reset\\n\\nUser x may run the following commands on lb1:\\n${entry}\\n`;
  writeFileSync(
    join(tools, 'sudo'),
    `#!/bin/sh\n[ "$1$2" = -n-l ] || { [ ${status} = 0 ] || echo 'sudo: a password is required' >&2; exit ${status}; }\nprintf '${said}'\n`,
    {
      mode: 0o755,
    },
  );
}

const EXACT = '    (root) NOPASSWD: /usr/sbin/nginx -t, /usr/sbin/nginx -s reload';

before(async () => {
  mkdirSync(join(stand.folder, 'tools'));
  const made = await stand.app('shop', 2, { test: 'sudo nginx -t', reload: 'sudo nginx -s reload' });
  shop = made;
  // Where the site's files may be read.
  chmodSync(stand.folder, 0o755);
  sudoAllows(EXACT);
  await stand.start((text) =>
    // Planted: a location that passes to a fixed name.
    text.replace(
      'location / {',
      'location /old/ { proxy_pass http://shop-all; }\n    location /older/ { root /srv; proxy_pass http://shop-all; }\n    location / {',
    ),
  );
  assert.equal((await stand.move(shop, 'none', '000001', 'stable=all')).err, '');
  await stand.ask(shop, '/');
  for (const folder of [shop.nginx.folder, dirname(shop.nginx.file), join(stand.folder, 'static')]) give(folder);
});
after(() => stand.close());

async function checks(inventory: Inventory = shop): Promise<Check[]> {
  const { nginx, app } = inventory;
  const answer = async (path: string): Promise<Answer> => {
    const body = await stand.status(path, inventory);
    return body === undefined ? { kind: 'no answer', reason: 'refused' } : { kind: 'answered', status: 200, body };
  };
  const observed = await asOperator('observe-balancer', [nginx.folder, nginx.file, '-', stand.pidFile]);
  const facts = {
    ...parseBalancerFacts(observed, null),
    status: await answer('/'),
    generation: await answer('/generation'),
    log: { kind: 'unreachable', reason: '' } as const,
  };
  const tested = nginx.configuration === 'managed' ? nginx.test : '-';
  const { path } = inventory.build.static.publish;
  const lines = readLines(
    await asOperator(
      'check-balancer',
      [nginx.folder, nginx.file, nginx.access_log, app, path, tested, stand.pidFile, stand.folder],
      tools,
    ),
  );
  const since = lines.one('since') ?? '0';
  const tail =
    lines.one('log')?.startsWith('readable') === true
      ? readLogTail(await asOperator('log-tail', [nginx.access_log, '1000', since]), inventory)
      : null;
  return [
    ...routingChecks(inventory, facts, lines, facts.text ?? ''),
    ...balancerChecks(inventory, facts, lines),
    ...sudoChecks(inventory, NAME, lines),
    ...accessLogChecks(inventory, NAME, lines, tail),
  ];
}

const lacking = async (inventory?: Inventory): Promise<string[]> =>
  (await checks(inventory)).flatMap(({ verdict, says, mend }) =>
    verdict === 'missing' ? [`${says} | ${mend ?? ''}`] : [],
  );

/** Takes one thing away, sees that it alone is named, with its mend, and gives it back. */
async function without(
  takeAway: () => void,
  wanted: readonly RegExp[],
  giveBack: () => void,
  inventory?: Inventory,
): Promise<void> {
  takeAway();
  try {
    const found = await lacking(inventory);
    assert.equal(found.length, wanted.length, found.join('\n'));
    for (const [at, pattern] of wanted.entries()) assert.match(found[at] ?? '', pattern);
  } finally {
    giveBack();
  }
}

test('where all is there nothing is missing', async () => {
  const found = await checks();
  assert.deepEqual(
    found.filter(({ verdict }) => verdict !== 'ok'),
    [],
  );
  const said = found.map(({ says }) => says).join('\n');
  for (const each of [
    /nginx [\d.]+ runs, 2 workers of \w+/,
    /has loaded .*shop\.conf \([0-9a-f]{16}\), and its 3 groups are right/,
    /its workers serve generation 1/,
    /shop\.site sends by the routing/,
    /may replace .*shop\.conf/,
    /`sudo nginx -t` finds no fault/,
    /static files can be published/,
    /`\/usr\/sbin\/nginx -t` and `\/usr\/sbin\/nginx -s reload`, and nothing else/,
    /its last line has our fields/,
    /requests since Nginx was loaded went by the routing/,
  ])
    assert.match(said, each);
});

test(
  'each right that is taken away is named, with the line that mends it',
  { skip: process.getuid?.() !== 0 },
  async () => {
    const { folder, file, access_log: log } = shop.nginx;
    const statics = join(stand.folder, 'static');
    await without(
      () => take(folder),
      [new RegExp(`can't write in ${folder} \\| as root: install -d -m 711 -o ${NAME} ${folder}$`)],
      () => give(folder),
    );
    await without(
      () => take(join(folder, 'groups')),
      [new RegExp(`${folder}/groups belongs to root, not to ${NAME} \\| as root: chown -Rh ${NAME} ${folder}$`)],
      () => give(folder),
    );
    await without(
      () => take(dirname(file)),
      [/can't write in .*conf, where .*shop\.conf is replaced \| as root: install -d -m 755 -o /],
      () => give(dirname(file)),
    );
    await without(
      () => chmodSync(file, 0o600),
      [],
      () => chmodSync(file, 0o644),
    );
    await without(
      () => {
        take(file);
        chmodSync(file, 0o600);
      },
      [/shop\.conf can't be read \| as root: chmod 644 /],
      () => {
        give(dirname(file));
        chmodSync(file, 0o644);
      },
    );
    await without(
      () => take(statics),
      [/can't write in .*static \| as root: install -d -m 755 -o /],
      () => give(statics),
    );
    await without(
      () => chmodSync(statics, 0o700),
      [/workers may not pass .*static on the way to .*static \| as root: chmod a\+x /],
      () => chmodSync(statics, 0o755),
    );
    await without(
      () => chmodSync(log, 0o600),
      [/can't read .*shop\.json \(it belongs to \w+:root, mode 600\) \| as root: let a group of /],
      () => chmodSync(log, 0o644),
    );
    await without(
      () => chmodSync(folder, 0o700),
      [/Nginx's workers \(\w+\) may not pass (\S+) on the way to \1 \| as root: chmod a\+x \1$/],
      () => chmodSync(folder, 0o711),
    );
  },
);

test('the log: missing, of another format, in a buffer', async () => {
  const { access_log: log } = shop.nginx;
  await without(
    () => renameSync(log, `${log}.away`),
    [/there is no access log .* \| in the site's server block: access_log .*shop\.json orchestrate_shop;/],
    () => renameSync(`${log}.away`, log),
  );
  const good = readFileSync(log);
  await without(
    () => appendFileSync(log, '127.0.0.1 - - [23/Nov/2026:02:14:00 +0000] "GET / HTTP/1.1" 200 5 "-" "curl"\n'),
    [/the last line of .* is not of our format \(time, upstream, .*orchestrate_shop;/],
    () => writeFileSync(log, good),
  );
  const site = join(stand.folder, 'shop.site');
  const text = readFileSync(site, 'utf8');
  for (const [parameters, wanted] of [
    [' buffer=64k', [/holds lines back for as long as the buffer lasts/]],
    [' buffer=64k flush=5s', [/holds lines back for 5 s.*there: leave out buffer=, or write flush=1s/]],
    [' buffer=64k flush=500ms', []],
    [' gzip flush=1s', [/packs the log/]],
  ] as const)
    await without(
      () => writeFileSync(site, text.replace(' orchestrate_shop;', ` orchestrate_shop${parameters};`)),
      wanted,
      () => writeFileSync(site, text),
    );
});

test('what Nginx has loaded: another text, another backend, no site, another app on the port', async () => {
  const { file } = shop.nginx;
  const text = readFileSync(file, 'utf8');
  const [{ address, slots }] = shop.backends as [Backend];
  await without(
    () => writeFileSync(file, text.replaceAll(/"configuration":"[0-9a-f]{16}"/g, '"configuration":"0123456789abcdef"')),
    [
      /Nginx serves configuration [0-9a-f]{16}, and .* is 0123456789abcdef: it was not reloaded since \| as root: nginx -t && nginx -s reload/,
    ],
    () => writeFileSync(file, text),
  );
  await without(
    () => writeFileSync(file, text.replaceAll(`${address}:${slots[0]}`, '10.9.9.9:1')),
    [
      /has not loaded what the inventory asks for: .* was edited after it was made \| put what was changed by hand into nginx\.template, .* the next roll writes it anew/,
    ],
    () => writeFileSync(file, text),
  );
  await without(
    () => rmSync(file),
    [/there is no .*shop\.conf \| install what `orchestrate init --print upstream` prints/],
    () => {
      writeFileSync(file, text);
      give(file);
    },
  );
  // What a roll declares by itself is nothing to mend.
  const fewer: Inventory = { ...shop, backends: shop.backends.slice(0, 1) };
  assert.ok(
    (await checks(fewer)).some(
      ({ verdict, says }) =>
        verdict === 'note' && /has not loaded .*: the next roll declares it, with one reload/.test(says),
    ),
  );
  assert.deepEqual(await lacking(fewer), []);
  const fixed: Inventory = { ...fewer, nginx: { ...shop.nginx, configuration: 'fixed' } };
  const found = await lacking(fixed);
  assert.match(
    found.join('\n'),
    /has not loaded what the inventory asks for: .* \| install what `orchestrate init --print upstream` prints as .*, then as root: nginx -t/,
  );
  const other: Inventory = { ...shop, app: 'blog' };
  assert.match((await lacking(other)).join('\n'), /is answered by the app shop/);
  const site = join(stand.folder, 'shop.site');
  const lines = readFileSync(site, 'utf8');
  await without(
    () => writeFileSync(site, lines.replaceAll(/^ *root .*live.*$/gm, '')),
    [/no site here has the routing's `root .*live\/\$shop_lane;`/],
    () => writeFileSync(site, lines),
  );
});

test('sudo: less, more, with a password, none', async () => {
  await without(
    () => sudoAllows('    (root) NOPASSWD: /usr/sbin/nginx -t', 1),
    [
      /sudo does not allow \w+ `\/usr\/sbin\/nginx -s reload` without a password \| as root: echo '\w+ ALL=\(root\) NOPASSWD: \/usr\/sbin\/nginx -t, \/usr\/sbin\/nginx -s reload' >\/etc\/sudoers\.d\/orchestrate-shop/,
    ],
    () => sudoAllows(EXACT),
  );
  await without(
    () => sudoAllows('    (ALL : ALL) /usr/sbin/nginx -t, /usr/sbin/nginx -s reload'),
    [/without a password/],
    () => sudoAllows(EXACT),
  );
  sudoAllows('    (ALL : ALL) ALL\\n    (root) NOPASSWD: /usr/sbin/nginx -t, /usr/sbin/nginx -s\\n        reload');
  const more = await checks();
  assert.deepEqual(
    more.filter(({ verdict }) => verdict !== 'ok').map(({ verdict, says }) => `${verdict}: ${says}`),
    [`note: sudo allows ${NAME} more than orchestrate needs: \`ALL\``],
  );
  const fixed: Inventory = { ...shop, nginx: { ...shop.nginx, configuration: 'fixed' } };
  const notes = (await checks(fixed)).filter(({ verdict }) => verdict !== 'ok').map(({ says }) => says);
  assert.match(notes.join('\n'), /orchestrate needs no sudo here/);
  assert.match(notes.join('\n'), /that right is not needed, and it is as good as root's/);
  sudoAllows(EXACT);
});

test('a location that passes to a backend past the routing is named, once it was used', async () => {
  await stand.ask(shop, '/older/page');
  const found = await lacking();
  assert.equal(found.length, 1, found.join('\n'));
  assert.match(
    found[0] ?? '',
    /a location sends to web\d past the routing, as shop-all: 1 requests, one of them shop\.example\.com\/older\/page \| in the site: that location needs/,
  );
});
