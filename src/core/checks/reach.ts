import type { Answer } from '../facts.ts';
import type { Backend, Inventory } from '../inventory.ts';
import { socketOf } from '../address.ts';
import { missing, note, ok, type Check } from '../checks.ts';

/**
 * What an answer to the health check says, told of the backend: whether it can be asked from there (a balancer's name, `itself`,
 * `this machine`), and whether what runs is well.
 * @param running whether anything listens on the port, as the backend itself tells; null: it could not be looked at
 */
export function reachCheck(
  inventory: Inventory,
  backend: Backend,
  port: number,
  from: string,
  answer: Answer,
  running: boolean | null,
): Check {
  const { health } = inventory;
  const socket = socketOf(backend.address, port);
  if (answer.kind === 'no answer') {
    if (/refuses tunnels/.test(answer.reason))
      return missing(
        `${from} lets no tunnel through to ${socket}`,
        `as root on ${from}: AllowTcpForwarding yes in /etc/ssh/sshd_config, then systemctl reload ssh (or health.from: backend)`,
      );
    if (running === false && /refused/i.test(answer.reason))
      return note(`nothing serves on ${socket} yet, and ${from} can reach it`);
    return missing(
      `asked from ${from}, ${socket} gave no answer: ${answer.reason}`,
      running === false
        ? `let ${from} reach ${socket} (firewall, route)`
        : `let ${from} reach ${socket} (firewall, route, --bind of the application)`,
    );
  }
  const url = `http://${socket}${health.path} (Host: ${health.host})`;
  if (answer.status === health.status) return ok(`asked from ${from}, ${url} answers ${answer.status}`);
  return missing(
    `asked from ${from}, ${url} answers ${answer.status}, not ${health.status}`,
    advice(inventory, answer.status),
  );
}

function advice({ health }: Inventory, status: number): string {
  if (status >= 300 && status < 400)
    return 'inventory: health.headers: { X-Forwarded-Proto: https }, or a health.path that answers by itself';
  if (status === 400) return `Django: ALLOWED_HOSTS must have ${health.host}; or another health.host`;
  if (status === 404) return 'inventory: health.path must be a path that the application has';
  return "the application's log says why; what runs now is not well";
}
