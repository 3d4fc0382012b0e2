import { generationName } from '../../../src/core/planning/generation-steps.ts';
import { Died, takes } from '../machine.ts';
import type { Script } from './here.ts';

/** Milliseconds for which nobody has to watch before the balancers send everybody back. */
const UNWATCHED = 120_000;

/** before-canary.sh: nothing was logged yet. */
export const beforeCanary: Script = function* (here) {
  yield* takes(10);
  const now = Math.floor(here.fleet.now / 1000);
  return `first ${now}\nnow ${now}\n`;
};

/** follow.sh */
export const follow: Script = function* (here, args) {
  const changes = yield* here.fenced(args);
  const [, , , , action, name = ''] = args;
  const { balancer, machine } = here;
  yield* takes(20);
  changes('what follows the access log');
  balancer.follower = action === 'begin' ? { name, boot: machine.boot } : undefined;
  return action === 'begin' ? 'the access log is followed\n' : 'the access log is not followed any more\n';
};

/** arm.sh, and what the follower does when nobody watches: here nobody ever does. */
export const arm: Script = function* (here, args) {
  const changes = yield* here.fenced(args);
  const [folder = '', token = '', sequence = '', holder = '', expected = '', number = ''] = args;
  const { balancer, machine, fleet } = here;
  yield* takes(10);
  const { follower } = balancer;
  if (follower === undefined) throw new Died(78, 'nothing follows the access log');
  const now = generationName(balancer.live);
  if (now !== expected) throw new Died(77, `${now} serves, not ${expected}`);
  if (!balancer.generations.has(Number(number))) throw new Died(78, `generation ${number} was not prepared`);
  changes('it is armed');
  fleet.time.after(UNWATCHED, () => {
    const fence = machine.fences.get(folder);
    const own =
      fence?.token === Number(token) && fence.sequence === Number(sequence) && fence.holder === holder && !machine.full;
    const runs = machine.up && machine.boot === follower.boot && balancer.follower === follower;
    if (!own || !runs || generationName(balancer.live) !== expected) return;
    fleet.moving(here.host, () => balancer.flip(Number(number)));
  });
  return 'everybody is sent back when nobody watches for 2 minutes\n';
};
