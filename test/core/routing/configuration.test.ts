import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { digestOf, hasHeader, renderConfiguration, sameHeader } from '../../../src/core/routing/configuration.ts';
import { declaredGroups, groupOf } from '../../../src/core/routing/groups.ts';
import { parseConfiguration } from '../../../src/core/routing/parse.ts';
import { renderSite } from '../../../src/core/routing/site.ts';
import { declaredIn, verifyGroups } from '../../../src/core/routing/verify.ts';
import type { Inventory } from '../../../src/core/inventory.ts';
import { sealOf } from '../../../src/core/sealed.ts';
import { web, world } from './world.ts';

const template = readFileSync(new URL('../../../templates/upstream.conf.hbs', import.meta.url), 'utf8');
const render = (inventory: Inventory, groups = declaredGroups(inventory)): string =>
  renderConfiguration(inventory, groups, template).text;

test('what is rendered is what is verified, and its digest is its own', () => {
  for (const names of [web(1), web(2), web(5), ['a-1', 'b'.repeat(32), 'c'.repeat(32)]]) {
    const inventory = world(names, { nginx: { method: 'ip_hash', server_options: 'max_fails=0 max_conns=50' } });
    const groups = declaredGroups(inventory);
    const { text, digest } = renderConfiguration(inventory, groups, template);
    assert.deepEqual(verifyGroups(text, inventory, groups), []);
    assert.equal(digestOf(text, digest), digest);
    assert.deepEqual(declaredIn(text, inventory, groups), groups);
    const parsed = parseConfiguration(text);
    assert.ok(!('problem' in parsed));
    assert.equal(parsed.digest, digest);
    assert.equal(parsed.upstreams.size, groups.length);
    assert.match(text, /^ {4}ip_hash;$/m);
  }
});

const digest = (inventory: Inventory): string =>
  renderConfiguration(inventory, declaredGroups(inventory), template).digest;

test('a digest changes with the text and only with it', () => {
  const [one, other] = [world(web(3)), world(web(3), { nginx: { method: 'least_conn' } })];
  assert.equal(render(one), render(world(web(3))));
  assert.notEqual(digest(one), digest(other));
});

test('names that were shortened are told in the text', () => {
  const inventory = world(['x'.repeat(32), 'y'.repeat(32), 'z'.repeat(32), 'w']);
  assert.match(render(inventory), /^# {3}outs-[0-9a-f]{12} {2}out-x{32}--y{32}$/m);
});

test('IPv6 addresses, weights and the slot’s port stand as Nginx wants them', () => {
  const inventory = world(['web1'], { backend: { address: 'fd00::11', weight: 3, slots: [9000] } });
  assert.match(render(inventory), /^ {4}server \[fd00::11\]:9000 weight=3 max_fails=0 down;$/m);
});

test('an edit is found, and said in words', () => {
  const inventory = world(web(3));
  const groups = declaredGroups(inventory);
  const text = render(inventory);
  const problems = (edited: string): string => {
    assert.notEqual(edited, text);
    return verifyGroups(edited, inventory, groups).join('\n');
  };
  assert.match(
    problems(text.replace('server 10.0.0.12:8000 max_fails=0 down', 'server 10.0.0.13:8000 max_fails=0 down')),
    /has no line for web2 \(10\.0\.0\.12:8000\)/,
  );
  assert.match(
    problems(text.replace(' max_fails=0 down;', ' max_fails=0;')),
    /says "10\.0\.0\.11:8000 max_fails=0;" for web1, the inventory ".* down;"/,
  );
  assert.match(
    problems(text.replace('    server 10.0.0.11:8000 max_fails=0;\n', '$&    server 10.9.9.9:80;\n')),
    /sends to 10\.9\.9\.9:80, which is no backend/,
  );
  assert.match(problems(text.replace('    out-web2 shop-out-web2;\n', '')), /the group out-web2 is not declared/);
  assert.match(
    problems(text.replace('out-web2 shop-out-web2;', 'out-web2 shop-all;')),
    /the group out-web2 is not declared/,
  );
  assert.match(
    problems(text.replace('default shop-all;', 'default shop-out-web1;')),
    /default of \$shop_upstream is shop-out-web1/,
  );
  assert.match(problems(text.replace('upstream shop-all {', 'upstream {')), /the group all is not declared/);
  assert.match(problems(`${text}# more\n`), /was edited after it was made/);
  assert.match(problems('server { }'), /no digest of its own/);
  assert.match(problems(text.slice(0, 4000)), /can't be read|no digest/);
  assert.match(problems(text + text), /is there twice/);
  const lines = ['    server 10.0.0.11:8000 max_fails=0;\n', '    server 10.0.0.12:8000 max_fails=0;\n'];
  assert.match(problems(text.replace(lines.join(''), lines.toReversed().join(''))), /in another order/);
});

test('with switch: reload there is one upstream, named as the app, with the marks of the group', () => {
  const inventory = world(web(3), { nginx: { switch: 'reload' } });
  const group = groupOf(new Set(['web2']), inventory);
  const text = render(inventory, [group]);
  assert.match(
    text,
    /^upstream shop \{\n {4}server 10\.0\.0\.11:8000 max_fails=0;\n {4}server 10\.0\.0\.12:8000 max_fails=0 down;/m,
  );
  assert.doesNotMatch(text, /map |split_clients|_lane/);
  assert.deepEqual(verifyGroups(text, inventory, [group]), []);
  assert.equal(verifyGroups(text, inventory, [groupOf(new Set(), inventory)]).length, 1);
  assert.throws(() => render(inventory, []), /one group serves/);
});

test('no value ends its directive', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('method', 'server_options', 'status', 'folder'),
      fc.string({ maxLength: 9 }),
      (key, value) => {
        const inventory = world(web(1), { nginx: { [key]: `x ${value}` } });
        const plain = parseConfiguration(render(world(web(1))));
        let text: string;
        try {
          text = render(inventory);
        } catch (error) {
          assert.match(String(error), /would end the directive/);
          return;
        }
        const parsed = parseConfiguration(text);
        assert.ok(!('problem' in parsed) && !('problem' in plain));
        assert.equal(parsed.upstreams.size, plain.upstreams.size);
      },
    ),
  );
});

test('the example site keeps to its own rules, with TLS and without', () => {
  const site = readFileSync(new URL('../../../templates/site.conf.hbs', import.meta.url), 'utf8');
  const more = {
    health: { host: 'shop.example.com' },
    build: { static: { command: null, publish: { to: 'balancers', path: '/srv/www/shop/static' } } },
  } as unknown as Partial<Inventory>;
  const inventory = { ...world(web(2)), ...more };
  const text = renderSite(
    inventory,
    { listen: '443', tls: { certificate: '/a.pem', key: '/a.key', http2: true } },
    site,
  );
  assert.match(text, /listen 443 ssl http2;/);
  assert.match(text, /return 301 https/);
  assert.doesNotMatch(text, /^\s+alias/m);
  const roots = text.match(/^\s+root .*$/gm);
  assert.deepEqual(roots, ['    root /var/lib/orchestrate/shop/live/$shop_lane;']);
  assert.throws(() => renderSite(inventory, { listen: '80; }' }, site), /would end the directive/);
});

const headed = (name = 'X-Canary'): Inventory => {
  const inventory = world(web(2));
  return { ...inventory, canary: { ...inventory.canary, header: { name, secret_file: 'canary.secret' } } };
};
const SECRET = 'Kq3-_xN8aa71BvTz0p';
const withHeader = (inventory: Inventory, secret?: string): string =>
  renderConfiguration(inventory, declaredGroups(inventory), template, secret).text;

test('a header with a secret value chooses the lane, and no cookie is given to who chose; without it the text is what it was', () => {
  const text = withHeader(headed(), SECRET);
  assert.ok(
    text.includes(
      `map $http_x_canary $shop_lane {\n    default $shop_bucket;\n    "~^${SECRET}$" canary;\n    "~^stable ${SECRET}$" stable;\n}`,
    ),
  );
  assert.match(text, /^map "\$shop_lane:\$shop_arm:\$cookie_shop_bucket" \$shop_cookie \{$/m);
  assert.deepEqual(verifyGroups(text, headed(), declaredGroups(headed())), []);
  assert.equal(text.split(SECRET).length, 3);
  assert.doesNotMatch(render(world(web(2))), /"~\^[^"]*" canary;\n {4}"~\^stable /);
  assert.ok(hasHeader(text, 'shop') && !hasHeader(render(world(web(2))), 'shop'));
  assert.ok(sameHeader(text, withHeader(headed(), SECRET), 'shop'));
  assert.ok(!sameHeader(text, withHeader(headed(), `${SECRET}x`), 'shop'));
  assert.ok(!sameHeader(text, withHeader(headed('X-Try'), SECRET), 'shop'));
  assert.ok(!sameHeader(text, render(world(web(2))), 'shop'));
});

test('what would be more than a name or a secret is not rendered, and not repeated', () => {
  const spoilt = fc.oneof(
    fc.string({ maxLength: 80 }),
    fc
      .tuple(fc.constantFrom(';', '"', '\n', '{', '}', '$', '\\', '#', ' ', '|', '.', '*', '(', '\u0000'), fc.nat(18))
      .map(([evil, at]) => `${SECRET.slice(0, at)}${evil}${SECRET.slice(at)}`),
  );
  fc.assert(
    fc.property(spoilt, (secret) => {
      fc.pre(!/^[A-Za-z0-9_-]{16,64}$/.test(secret));
      assert.throws(
        () => withHeader(headed(), secret),
        (error: Error) => secret.length < 5 || !error.message.includes(secret),
      );
    }),
  );
  assert.throws(() => withHeader(headed()), /the secret of canary\.header must be/);
  for (const name of ['X Canary', 'x;', 'x"', '', 'X_Canary', '$x', 'x\ny'])
    assert.throws(() => withHeader(headed(name), SECRET), /no name of a header/);
});

test('in a plan a word stands in the secret’s place, and the text comes back as it was', () => {
  const text = withHeader(headed(), SECRET);
  const { close, open } = sealOf(SECRET);
  assert.equal(close(text).includes(SECRET), false);
  assert.equal(open(close(text)), text);
});

test('the example of a site keeps the secret from the application', () => {
  const site = readFileSync(new URL('../../../templates/site.conf.hbs', import.meta.url), 'utf8');
  const more = { health: { host: 'a' }, build: { static: { command: null, publish: { to: 'none', path: '/s' } } } };
  const rendered = (inventory: Inventory): string =>
    renderSite({ ...inventory, ...(more as object) }, { listen: '80' }, site);
  assert.match(rendered(headed()), /^ {4}proxy_set_header X-Canary "";$/m);
  assert.doesNotMatch(rendered(world(web(2))), /X-Canary/);
});
