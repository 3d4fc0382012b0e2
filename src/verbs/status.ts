import type { Opened } from '../open.ts';
import type { Backend } from '../core/inventory.ts';
import { statusOf, type Status } from '../core/status.ts';
import { viewOf } from '../core/view.ts';
import { observe } from '../observe.ts';
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
    eachHost(
      backends,
      inventory.ssh.concurrency,
      async (backend) => [backend.name, await ask(opened, backend)] as const,
    ),
  ]);
  return statusOf(limited, viewOf(limited, facts, opened.configuration), Object.fromEntries(answers));
}

async function ask({ inventory, probe }: Opened, backend: Backend): Promise<string> {
  const { health } = inventory;
  const [balancer] = inventory.balancers;
  const through = health.from === 'balancer' ? balancer?.name : health.from === 'backend' ? backend.name : undefined;
  const answer = await probe.ask({
    ...(through === undefined ? {} : { through }),
    address: health.from === 'backend' ? '127.0.0.1' : backend.address,
    port: backend.slots[0] ?? 80,
    path: health.path,
    host: health.host,
    headers: health.headers,
    timeout: health.timeout,
  });
  if (answer.kind === 'no answer') return answer.reason;
  return answer.status === health.status ? 'healthy' : `answered ${answer.status}, not ${health.status}`;
}
