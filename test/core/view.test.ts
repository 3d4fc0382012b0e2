import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { parseBackendFacts, type BackendFacts } from '../../src/core/backend-facts.ts';
import { parseBalancerFacts } from '../../src/core/balancer-facts.ts';
import type { Answers, FleetFacts } from '../../src/core/facts.ts';
import type { BackendView, BalancerView } from '../../src/core/fleet.ts';
import { renderConfiguration } from '../../src/core/routing/configuration.ts';
import { declaredGroups, groupOf } from '../../src/core/routing/groups.ts';
import { viewOf } from '../../src/core/view.ts';
import { inventoryOf } from './inventory/world.ts';

const TEMPLATE = readFileSync(new URL('../../templates/upstream.conf.hbs', import.meta.url), 'utf8');
const inventory = inventoryOf({});
const { text, digest } = renderConfiguration(inventory, declaredGroups(inventory), TEMPLATE);
const fixed = inventoryOf({ nginx: '{ configuration: fixed }' });

const FACTS =
  'boot b\nuptime 9\nfolder writable\nlive generations/000007\nhighest 000008\nfile readable\nfence 5 1 me\n';
const ANSWERS: Answers = {
  status: { kind: 'answered', status: 200, body: JSON.stringify({ app: 'shop', configuration: digest, stable: '' }) },
  generation: { kind: 'answered', status: 200, body: '/var/lib/orchestrate/shop/generations/000007/self\n' },
  log: { kind: 'seen', facts: { foreign: [], lines: 10, strange: 0 } },
};

interface Told {
  readonly of?: typeof inventory;
  readonly facts?: string;
  readonly file?: string;
  readonly answers?: Partial<Answers>;
}

function balancer({ of = inventory, facts = FACTS, file = text, answers = {} }: Told = {}): Extract<
  BalancerView,
  { kind: 'seen' }
> {
  const seen = { ...parseBalancerFacts(facts, file), ...ANSWERS, ...answers };
  const view = viewOf(of, { balancers: { lb1: { kind: 'seen', facts: seen } }, backends: {} }, () => '').balancers[
    'lb1'
  ];
  assert.ok(view?.kind === 'seen');
  return view;
}

/** The problems, but for the record that these facts lack. */
const problems = (told: Told): string[] =>
  balancer(told).problems.flatMap(({ says }) => (/no record/.test(says) ? [] : [says]));

const out = (...names: string[]) => groupOf(new Set(names), inventory);

test('what is loaded is known by the digest that the status server tells, and declares its groups', () => {
  const view = balancer();
  assert.deepEqual([view.live, view.highest, view.serves, view.token, view.unloaded], [7, 8, true, 5, false]);
  assert.ok(view.declares(out()) && view.declares(out('web1')) && view.declares(out('web1', 'web2')));
  assert.ok(!view.declares(out('web1', 'web2', 'web3', 'web4')));
  assert.deepEqual(problems({}), []);
});

test('an inventory that has changed since declares nothing: the same names would mean other machines', () => {
  const moved = inventoryOf({
    backends: '{ web1: { address: 10.0.0.99 }, "web[2-4]": { address: "10.0.0.[12-14]" } }',
  });
  assert.ok(!balancer({ of: moved }).declares(out('web1')));
  assert.deepEqual(problems({ of: moved }), []);
});

test('what Nginx has not loaded is declared by a roll where it may, and is a problem where it may not', () => {
  const other: Answers['status'] = {
    kind: 'answered',
    status: 200,
    body: JSON.stringify({ app: 'shop', configuration: 'other' }),
  };
  const missing = FACTS.replace('readable', 'missing');
  for (const told of [{ answers: { status: other } }, { facts: missing }]) {
    assert.deepEqual(problems(told), []);
    assert.ok(!balancer(told).declares(out()));
    assert.equal(problems({ ...told, of: fixed }).length, 1);
  }
  const torn = balancer({ facts: `${FACTS}former yes\n`, answers: { status: other } });
  assert.ok(torn.unloaded, 'a text that was written and never loaded');
});

const troubles: [string, Told, RegExp][] = [
  ['a text that was edited', { file: text.replace('10.0.0.11', '10.0.0.99') }, /was edited after it was made/],
  ['a file that can not be read', { facts: FACTS.replace('file readable', 'file unreadable') }, /can't be read/],
  [
    'a status server that is another app’s',
    { answers: { status: { kind: 'answered', status: 200, body: '{"app":"blog","configuration":"x"}' } } },
    /answered by the app blog/,
  ],
  [
    'a status server that is something else',
    { answers: { status: { kind: 'answered', status: 404, body: '<html>' } } },
    /something else \(status 404\)/,
  ],
  [
    'a status server that does not answer',
    { answers: { status: { kind: 'no answer', reason: 'refused' } } },
    /does not answer: refused/,
  ],
  [
    'workers that do not resolve the generation',
    { answers: { generation: { kind: 'answered', status: 200, body: '' } } },
    /do not resolve generation 7/,
  ],
  ['a folder that is not there', { facts: FACTS.replace('writable', 'missing') }, /routing folder .* is not there/],
  [
    'a log that can not be read',
    { answers: { log: { kind: 'unreachable', reason: 'no right' } } },
    /can't be seen: no right/,
  ],
  [
    'a location outside the routing',
    {
      answers: {
        log: {
          kind: 'seen',
          facts: {
            lines: 9,
            strange: 0,
            foreign: [{ backend: 'web1', passes: 'shop', host: 'x', uri: '/old', requests: 3 }],
          },
        },
      },
    },
    /3 of the latest requests \(as x\/old\) reached web1 outside the routing, by shop/,
  ],
  ['a binary upgrade', { facts: `${FACTS}upgrade yes\n` }, /binary upgrade/],
];
for (const [what, told, sentence] of troubles)
  test(`${what} is told`, () => {
    const found = problems(told);
    assert.equal(found.length, 1, found.join('\n'));
    assert.match(found[0] ?? '', sentence);
  });

test('a host that was not looked at, or could not be, is unreachable with the reason', () => {
  const facts: FleetFacts = { balancers: {}, backends: { web1: { kind: 'unreachable', reason: 'no route' } } };
  const view = viewOf(inventory, facts, () => '');
  assert.deepEqual(view.balancers['lb1'], { kind: 'unreachable', reason: 'it was not looked at' });
  assert.deepEqual(view.backends['web1'], { kind: 'unreachable', reason: 'no route' });
});

test('nothing that hosts or status servers say makes it throw', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string(), fc.string(), (body, generation, facts) => {
      balancer({
        facts: `${FACTS}${facts}`,
        answers: {
          status: { kind: 'answered', status: 200, body },
          generation: { kind: 'answered', status: 200, body: generation },
        },
      });
    }),
    { numRuns: 100 },
  );
});

function backend(more = '', change: Partial<BackendFacts> = {}): Extract<BackendView, { kind: 'seen' }> {
  const facts = parseBackendFacts(
    `boot b\nuptime 9\nuser deploy\npython 3.11.2\nplatform linux\nroot writable /srv/www/shop\nfence 6 2 me\n${more}`,
  );
  assert.ok(!('problem' in facts));
  const view = viewOf(
    inventory,
    { balancers: {}, backends: { web1: { kind: 'seen', facts: { ...facts, ...change } } } },
    () => '',
  ).backends['web1'];
  assert.ok(view?.kind === 'seen');
  return view;
}

test('a backend runs what its processes run, whatever its links say', () => {
  const view = backend(
    'current 20261120-0000-2222222\nmaster 8000 10 100 /srv/www/shop/20261110-0000-1111111/repository\n',
  );
  assert.deepEqual([view.running, view.current, view.token], ['20261110-0000-1111111', '20261120-0000-2222222', 6]);
  assert.deepEqual(view.problems, []);
});

test('a backend without a folder, a tool, or the builder’s Python says so, with the line that mends it', () => {
  const told = (view: ReturnType<typeof backend>): string =>
    view.problems.map(({ says, next }) => `${says}: ${next}`).join('\n');
  assert.match(
    told(backend('', { root: { state: 'missing', path: '/srv/www/shop' } })),
    /is not there: .*install -d -o deploy/,
  );
  assert.match(told(backend('', { root: { state: 'foreign', path: '/srv/www/shop' } })), /can't be written by deploy/);
  assert.match(told(backend('lacks ss\n')), /lacks the command ss/);
  assert.match(told(backend('', { python: null })), /this host builds/);
});
