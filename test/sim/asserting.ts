import assert from 'node:assert/strict';
import { inHand } from '../../src/core/planning/hand.ts';
import type { SimFleet, SimWish } from './fleet.ts';
import type { Trouble } from './story.ts';

export function told(trouble: Trouble): string {
  const { fleet, operators } = trouble;
  return [
    ...fleet.violations,
    JSON.stringify(trouble.story),
    ...operators.map(({ name, ending, events }) =>
      [
        `${name}: ${ending?.kind} ${ending?.kind === 'exit' ? ending.exit : ending?.kind === 'refused' ? [ending.refusal.message, ...ending.refusal.details].join(' | ') : ''}`,
        ...events.flatMap((event) =>
          event.type === 'failed'
            ? [`   failed: ${event.failure.host}: ${event.failure.doing}: ${event.failure.what}`]
            : event.type === 'note'
              ? [`   ${event.text}`]
              : event.type === 'going back'
                ? [`   going back: ${event.title}`]
                : [],
        ),
      ].join('\n'),
    ),
    ...fleet.calls
      .filter(({ script, args }) => !/observe|log-tail/.test(script) && !(script === 'lease' && args[0] === 'renew'))
      .map(
        (call) =>
          `${(call.at / 1000).toFixed(2)} ${call.operator} ${call.host} ${call.script} ${call.args
            .slice(call.script === 'lease' ? 0 : 4, 8)
            .join(' ')
            .slice(0, 60)} -> ${call.code}`,
      ),
  ].join('\n');
}

export function assertNever(trouble: Trouble): void {
  if (trouble.fleet.violations.length > 0) assert.fail(told(trouble));
}

/** Who is in rotation, by the newest record. */
function serving(fleet: SimFleet): string[] {
  return [...fleet.backends.keys()].filter((name) => fleet.record?.backends[name]?.rotation !== 'out');
}

/** What a command says of its end is so, where no host has been struck since. */
export function assertTrue(trouble: Trouble): void {
  const { fleet, operators } = trouble;
  const [last] = operators;
  if (operators.length > 1 || !['roll', 'rollback'].includes(trouble.story.verb)) return;
  if (last?.ending?.kind !== 'exit' || last.ending.exit > 1) return;
  const running = serving(fleet).flatMap((name) => {
    const backend = fleet.backends.get(name)!;
    return backend.struck || !backend.machine.up ? [] : [fleet.serving(name).process?.release ?? null];
  });
  if (new Set(running).size > 1) assert.fail(`exit ${last.ending.exit}, and what serves is mixed\n${told(trouble)}`);
}

/** What serves is on one version, and nothing is told to be unfinished. What failed or could not be reached may still be out. */
export function assertResumed(trouble: Trouble): void {
  const { fleet } = trouble;
  const running = serving(fleet).map((name) => fleet.serving(name).process?.release ?? null);
  if (new Set(running).size !== 1) assert.fail(`what serves is mixed: ${running.join()}\n${told(trouble)}`);
  if (fleet.record !== null && fleet.record.intent !== null) assert.fail(`an intent is left\n${told(trouble)}`);
}

/** Nothing is left of what was begun, on any host. */
export function assertAtRest(trouble: Trouble, wish: SimWish): void {
  const { fleet } = trouble;
  const wrong: string[] = [];
  const { record } = fleet;
  const running = new Map(
    [...fleet.backends.keys()].map((name) => [name, fleet.serving(name).process?.release ?? null]),
  );
  if (new Set(running.values()).size !== 1) wrong.push(`not one version: ${JSON.stringify([...running])}`);
  for (const [name, { current }] of fleet.backends)
    if (current !== running.get(name)) wrong.push(`${name} runs ${running.get(name)} and its link names ${current}`);
  if (record === null) wrong.push('there is no record');
  else {
    if (record.intent !== null) wrong.push(`an intent is left: ${JSON.stringify(record.intent)}`);
    if (record.split !== undefined) wrong.push(`a canary lives: ${record.split.canary}`);
    for (const [name, { rotation, reason }] of Object.entries(record.backends))
      if (rotation === 'out' && (reason === undefined || inHand(reason)))
        wrong.push(`${name} is out: ${reason ?? 'nobody says why'}`);
    for (const name of wish.out ?? [])
      if (record.backends[name]?.rotation !== 'out' && name !== [...fleet.backends.keys()].at(-1))
        wrong.push(`${name} is in again`);
  }
  for (const [name, balancer] of fleet.balancers) {
    if (balancer.live !== record?.generation)
      wrong.push(`${name} serves generation ${balancer.live}, not ${record?.generation}`);
    if (balancer.lane.startsWith('closing-')) wrong.push(`${name} ends its connections`);
    if (balancer.loaded !== balancer.file) wrong.push(`${name} has a configuration that it has not loaded`);
    const { lease, machine } = balancer;
    if (
      lease !== null &&
      lease.until !== 0 &&
      (lease.boot === machine.boot ? lease.until : lease.term) > machine.uptime
    )
      wrong.push(`the lease on ${name} is not free`);
    if (balancer.temporary.size > 0) wrong.push(`${name} has ${[...balancer.temporary].join()}`);
    const meant = serving(fleet).map((each) => fleet.serving(each).name);
    const sent = [...fleet.sends(balancer)].map((slot) => slot.name);
    if (sent.toSorted().join() !== meant.toSorted().join())
      wrong.push(`${name} sends to ${sent.join()}, and in rotation are ${meant.join()}`);
  }
  for (const [name, { temporary, slots, machine }] of fleet.backends) {
    if (temporary.size > 0) wrong.push(`${name} has ${[...temporary].join()}`);
    for (const slot of slots.values()) {
      if (slot === fleet.serving(name) || (slot.process === null && slot.serves === null)) continue;
      const left = slot.linger?.boot === machine.boot ? slot.linger.until - machine.uptime : 0;
      if (left <= 0) wrong.push(`${slot.process?.release ?? slot.serves} is left on ${slot.name}`);
    }
  }
  if (wrong.length > 0) assert.fail(`${wrong.join('\n')}\n${told(trouble)}`);
}
