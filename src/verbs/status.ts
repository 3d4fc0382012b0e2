import type { Opened } from '../open.ts';
import type { Backend } from '../core/inventory.ts';
import { statusOf, type Status } from '../core/status.ts';
import { slotOf } from '../core/planning/moving.ts';
import { viewOf } from '../core/view.ts';
import { observe } from '../observe.ts';
import { healthRequest } from '../health-request.ts';
import { eachHost } from '../roll.ts';
import { limitedBackends, type LimitFlags } from './named.ts';

/** Looks at every host at once and asks each backend for its health, the way that users take. */
export async function lookAtFleet(opened: Opened, flags: LimitFlags): Promise<Status> {
  const { inventory } = opened;
  const names = limitedBackends(inventory, flags);
  const backends = inventory.backends.filter(({ name }) => names.includes(name));
  const limited = { ...inventory, backends };
  const [facts, answers] = await Promise.all([
    observe(limited, opened.remote, opened.probe, opened.configuration([])),
    eachHost(backends, inventory.ssh.concurrency, async (backend) =>
      Promise.all(backend.slots.map(async (port) => [`${backend.name} ${port}`, await ask(opened, backend, port)])),
    ),
  ]);
  const view = viewOf(limited, facts, opened.configuration);
  const told = new Map(answers.flat().map(([slot = '', answer = '']) => [slot, answer]));
  const health = backends.map((backend) => [backend.name, told.get(`${backend.name} ${slotOf(view, backend)}`) ?? '']);
  return statusOf(limited, view, Object.fromEntries(health), opened.clock.now());
}

async function ask({ inventory, probe }: Opened, backend: Backend, port: number): Promise<string> {
  const { health } = inventory;
  const [balancer] = inventory.balancers;
  const way = health.from === 'balancer' ? balancer?.name : undefined;
  const answer = await probe.ask(healthRequest(inventory, backend, port, way));
  if (answer.kind === 'no answer') return answer.reason;
  return answer.status === health.status ? 'healthy' : `answered ${answer.status}, not ${health.status}`;
}
