import { Died, takes, type Steps } from '../machine.ts';
import type { Here, Script } from './here.ts';

/** lease.sh */
export const lease: Script = function* (here, [action = '', , holder = '', token = '', term = '', details = '']) {
  yield* takes(3);
  const { balancer, machine } = here;
  const now = Math.floor(machine.uptime);
  const answer = (code: number, words: string): never => {
    throw new Died(code, words, tell(here));
  };
  const write = (until: number, lasts: number, said: string): void => {
    if (machine.full) answer(78, 'cannot write lease.json');
    balancer.lease = { token: Number(token), holder, term: lasts, boot: machine.boot, until, details: said };
  };
  const had = balancer.lease;
  switch (action) {
    case 'acquire':
    case 'break': {
      const ends = had === null || had.until === 0 ? 0 : had.boot === machine.boot ? had.until : had.term;
      if (action === 'acquire' && had !== null && had.holder !== holder && now < ends)
        answer(76, `another holds the lease for ${ends - now} s more`);
      const fence = machine.fences.get(here.fleet.inventory.nginx.folder);
      const seen = Math.max(
        (had?.token ?? 0) - (had?.holder === holder ? 1 : 0),
        (fence?.token ?? 0) - (fence?.holder === holder ? 1 : 0),
      );
      if (Number(token) <= seen) answer(75, `token ${token} is not above ${seen}, which this host has seen`);
      write(now + Number(term) + 1, Number(term), details);
      break;
    }
    case 'renew':
    case 'release':
      if (had?.holder !== holder || had.token !== Number(token)) {
        if (action === 'release') break;
        answer(75, "the lease is another operator's now");
      } else if (action === 'release') write(0, had.term, had.details);
      else if (had.until === 0) answer(75, 'the lease was given up');
      else write(now + Number(term) + 1, Number(term), had.details);
      break;
    case 'show':
      break;
    default:
      throw new Error(`lease ${action} is not simulated`);
  }
  return tell(here);
};

export function leaseJson(here: Here): string | null {
  const { lease: it } = here.balancer;
  return it === null
    ? null
    : `{"token":${it.token},"holder":"${it.holder}","term":${it.term},"boot":"${it.boot}","until":${it.until},"details":${it.details}}`;
}

function tell(here: Here): string {
  const { machine, fleet } = here;
  const fence = machine.fences.get(fleet.inventory.nginx.folder);
  const json = leaseJson(here);
  return [
    `boot ${machine.boot}`,
    `uptime ${machine.uptime.toFixed(2)}`,
    ...(fence === undefined ? [] : [`fence ${fence.token} ${fence.sequence} ${fence.holder}`]),
    ...(json === null ? [] : [`lease ${json}`]),
    '',
  ].join('\n');
}

/** fence.sh */
export const fence: Script = function* (here, args): Steps {
  const { token, sequence, holder } = yield* here.raised(args.slice(0, 4), Number(args[4] ?? 50));
  const { balancers, backends, desks } = here.fleet;
  if (args[0]?.endsWith('/.orchestrate') === true) (backends.get(here.host) ?? desks.get(here.host))?.temporary.clear();
  else
    for (const name of balancers.get(here.host)?.temporary ?? [])
      if (!name.startsWith('shop.conf')) balancers.get(here.host)?.temporary.delete(name);
  return `fence ${token} ${sequence} ${holder}\n`;
};
