import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TERM } from '../../src/core/lease.ts';
import { names } from '../core/planning/world.ts';
import { assertNever } from './asserting.ts';
import type { Ending } from './operator.ts';
import { Trouble, type Story, type Verb } from './story.ts';

// What a roll that went on without a host leaves to others, and what the holder of a lease has begun once it is over.

const WISH: Story['wish'] = { backends: 4, balancers: 1, onFailure: ['skip', 1] };

/** Runs a command to its end; returns its exit code, or why it was refused. */
async function told(trouble: Trouble, verb: Verb): Promise<number | string> {
  const operator = trouble.begin(`${verb}${trouble.operators.length}`, verb);
  await trouble.end();
  assertNever(trouble);
  return said(operator.ending);
}

const said = (ending: Ending | undefined): number | string =>
  ending?.kind === 'exit' ? ending.exit : ending?.kind === 'refused' ? ending.refusal.message : (ending?.kind ?? '');

const intentOf = ({ fleet }: Trouble) => fleet.record?.intent ?? null;
const rotationOf = ({ fleet }: Trouble, name: string) => fleet.record?.backends[name]?.rotation;

/** A roll that dies once it has gone on without web2, which can't start the release: before it has moved what comes `then`. */
async function deadOnTheWay(wish: Story['wish'], then: string): Promise<Trouble> {
  const trouble = new Trouble({ wish, seed: 1, verb: 'roll', broken: { host: 1, how: 'ends' }, deeds: [] });
  const ada = trouble.begin('ada', 'roll');
  const bound = ada.onCall;
  ada.onCall = (call) => {
    if (call.name === 'orchestrate-awaiting' && rotationOf(trouble, then) === 'out') ada.kill();
    if ((wish.two?.length ?? 0) > 0 && rotationOf(trouble, 'web2') === 'out') ada.kill();
    return bound(call);
  };
  await trouble.end();
  assert.equal(said(ada.ending), 'killed');
  await trouble.fleet.time.pass(() => false, (TERM + 2) * 1000);
  return trouble;
}

for (const [how, two] of [
  ['one slot', []],
  ['two slots', names('web', 4)],
] as const)
  test(`${how}: whoever resumes a roll that went on without a host tries that host too, and says that it is left out`, async () => {
    const trouble = await deadOnTheWay({ ...WISH, two }, 'web3');
    assert.ok(intentOf(trouble)?.hosts.includes('web2'), 'the record has it in mind');
    assert.equal(await told(trouble, 'resume'), 4);
    assert.equal(rotationOf(trouble, 'web2'), 'out');
    assert.equal(intentOf(trouble), null, 'the others are done');
    assert.equal(await told(trouble, 'roll'), 4, 'tried again, and left out again');
    assert.equal(intentOf(trouble), null);
    await trouble.heal();
    assert.equal(await told(trouble, 'roll'), 0);
    assert.equal(rotationOf(trouble, 'web2'), 'in');
    assert.equal(intentOf(trouble), null);
  });

test('a lease that is broken once its holder has made the last flip leaves nothing unfinished', async () => {
  const trouble = new Trouble({ wish: { ...WISH, onFailure: ['rollback', 1] }, seed: 1, verb: 'roll', deeds: [] });
  const ada = trouble.begin('ada', 'roll');
  const bound = ada.onCall;
  let begun = false;
  ada.onCall = (call) => {
    if (!begun && trouble.fleet.record?.holder !== 'former' && intentOf(trouble) === null) {
      begun = true;
      trouble.begin('bob', 'break');
    }
    return bound(call);
  };
  await trouble.end();
  assertNever(trouble);
  assert.ok(begun);
  assert.equal(said(trouble.operators[1]?.ending), 0);
  assert.equal(intentOf(trouble), null);
});

test('one that is broken in the middle leaves what was begun, and the next command ends it', async () => {
  const trouble = new Trouble({ wish: WISH, seed: 1, verb: 'roll', deeds: [] });
  const ada = trouble.begin('ada', 'roll');
  const bound = ada.onCall;
  let begun = false;
  ada.onCall = (call) => {
    if (!begun && intentOf(trouble) !== null) {
      begun = true;
      trouble.begin('bob', 'break');
    }
    return bound(call);
  };
  await trouble.end();
  assertNever(trouble);
  assert.equal(said(trouble.operators[1]?.ending), 0);
  assert.equal(said(ada.ending), 4, 'it changes nothing further, and says so');
  assert.equal(intentOf(trouble)?.kind, 'roll');
  assert.equal(await told(trouble, 'resume'), 0);
  assert.equal(intentOf(trouble), null);
});

test('a command that died after its last flip has left nothing to be gone on with', async () => {
  const trouble = new Trouble({ wish: WISH, seed: 1, verb: 'roll', deeds: [] });
  const ada = trouble.begin('ada', 'roll');
  const bound = ada.onCall;
  ada.onCall = (call) => {
    if (trouble.fleet.record?.holder !== 'former' && intentOf(trouble) === null) ada.kill();
    return bound(call);
  };
  await trouble.end();
  await trouble.fleet.time.pass(() => false, (TERM + 2) * 1000);
  const generation = trouble.fleet.record?.generation;
  assert.equal(await told(trouble, 'resume'), 0);
  assert.equal(trouble.fleet.record?.generation, generation, 'no flip was needed');
});
