import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { TERM } from '../../src/core/lease.ts';
import { assertAtRest, assertNever, assertResumed, assertTrue, told } from './asserting.ts';
import { canaries, faults, kills, links, returns, seconds, stops, stories } from './stories.ts';
import { Trouble, type Story, type Verb } from './story.ts';

// What must never happen is watched by the simulated fleet itself (SimFleet.never), whatever runs on it.

/** A story, then whatever can be mended is mended, and another operator ends what was begun. */
export async function play(story: Story, recovery: Verb): Promise<void> {
  const trouble = await happened(story);
  assertTrue(trouble);
  await trouble.heal();
  await ended(trouble, recovery);
  if (recovery === 'resume') {
    assertResumed(trouble);
    await ended(trouble, 'roll');
  }
  // A script whose link was lost may go on for a minute, and take a lease that nobody waits for.
  await trouble.fleet.time.pass(() => false, (60 + TERM + 2) * 1000);
  assertAtRest(trouble, story.wish);
}

/** A story, to where it leaves the fleet. */
async function happened(story: Story): Promise<Trouble> {
  const trouble = new Trouble(story);
  await trouble.prologue();
  trouble.begin('ada', story.verb);
  await trouble.end();
  assertNever(trouble);
  return trouble;
}

async function ended(trouble: Trouble, recovery: Verb, again = false): Promise<void> {
  const ending = await trouble.insist(recovery);
  assertNever(trouble);
  // At the end of the line nothing is left to go back to; then nothing may be left to be done either.
  if (ending.kind === 'refused' && ending.refusal.message.startsWith('No release before')) {
    // But perhaps with what a roll of before has left on other slots.
    if (recovery === 'rollback') await ended(trouble, 'resume');
    return;
  }
  // Half-way from slot to slot another roll may need groups that an administrator did not install: what was begun is ended first, as it
  // says. Where one host alone has come to the other slot, after a process died, no file that is usual has the groups.
  if (
    ending.kind === 'refused' &&
    recovery === 'roll' &&
    /^Nginx has not loaded the groups .* `fixed`/.test(ending.refusal.message)
  ) {
    if (again) return;
    await ended(trouble, 'resume');
    await ended(trouble, 'roll', true);
    return;
  }
  if (ending.kind !== 'exit' || ending.exit !== 0)
    assert.fail(
      `${recovery} does not end well: ${ending.kind === 'exit' ? ending.exit : ending.kind}\n${told(trouble)}`,
    );
}

/** A story of a canary; then another operator goes on with what was begun, and ends what lives, by whatever command comes first. */
export async function playCanary(story: Story, first: Verb): Promise<void> {
  const trouble = await happened(story);
  await trouble.heal();
  // Long enough for the balancers to send everybody back, where nobody comes.
  if (first === 'rollback') await trouble.fleet.time.pass(() => false, 130_000);
  assertNever(trouble);
  for (const verb of [first, 'resume', 'abort'] as const) await ended(trouble, verb);
  assertResumed(trouble);
  await ended(trouble, 'roll');
  await trouble.fleet.time.pass(() => false, (60 + TERM + 2) * 1000);
  assertAtRest(trouble, story.wish);
}

const canary = (deed: Parameters<typeof stories>[0], most: number) =>
  fc.asyncProperty(canaries(deed, most), fc.constantFrom<Verb>('resume', 'abort', 'rollback'), playCanary);

const property = (deed: Parameters<typeof stories>[0], most: number) =>
  fc.asyncProperty(stories(deed, most), fc.constantFrom<Verb>('roll', 'rollback', 'resume'), play);

export const properties = {
  'a command that is killed anywhere is brought to an end by another operator': property(kills, 1),
  'links are lost at any call, hosts die or have no room: what was begun comes to an end': property(faults, 3),
  'of two operators, one stopped and continued, the one who was overtaken changes nothing': property(
    fc.oneof(seconds, stops, links),
    4,
  ),
  'the way back by one flip, before the backends are looked at, is as safe as any': fc.asyncProperty(
    returns(fc.oneof(faults, kills, stops, seconds), 3),
    fc.constantFrom<Verb>('roll', 'rollback', 'resume'),
    play,
  ),
  'a canary whose operator is killed anywhere is gone on with, or ended, by another operator': canary(kills, 1),
  'whatever happens to a canary, nothing does that must never, and an end is found': canary(
    fc.oneof(faults, kills, stops),
    3,
  ),
  'whatever happens together, nothing does that must never, and an end is found': property(
    fc.oneof(faults, kills, stops, seconds),
    6,
  ),
};
