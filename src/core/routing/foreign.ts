import type { Inventory } from '../inventory.ts';
import { serverAddress } from './address.ts';

/** Requests that reached a backend by a way that no flip changes. */
export interface ForeignLocation {
  readonly backend: string;
  /** The upstream or host that the location passes to. */
  readonly passes: string;
  /** One such request's. */
  readonly host: string;
  readonly uri: string;
  readonly requests: number;
}

export interface LogTail {
  readonly foreign: readonly ForeignLocation[];
  /** Lines that were read. */
  readonly lines: number;
  /** Lines that are not of our log format: of them nothing is known. */
  readonly strange: number;
}

/**
 * Reads what log-tail.sh printed and finds locations outside the routing: a backend of ours was reached by a name that is no group of
 * ours, or from a location whose root is not the routing's.
 * @param serving the groups that serve, when every line read began since they do: any other is foreign then, also one of ours
 *   (a location that passes to the fixed name `shop-all`)
 */
export function readLogTail(output: string, inventory: Inventory, serving?: ReadonlySet<string>): LogTail {
  const backends = new Map(
    inventory.backends.flatMap((backend) => backend.slots.map((port) => [serverAddress(backend, port), backend.name])),
  );
  const { app, nginx } = inventory;
  const routed = `${nginx.folder.replace(/\/+$/, '')}/live`;
  const ours = (passes: string, root: string): boolean => {
    if (nginx.switch === 'reload') return passes === app;
    if (root !== routed || !passes.startsWith(`${app}-`)) return false;
    return serving === undefined || serving.has(passes.slice(app.length + 1));
  };
  const foreign: ForeignLocation[] = [];
  for (const [, count, address, passes, root, host, uri] of output.matchAll(
    /^pair (\d{1,12}) (\S+) (\S+) (\S+) (\S+) (.*)$/gm,
  )) {
    const backend = backends.get(address ?? '');
    if (backend === undefined || passes === undefined || root === undefined || ours(passes, root)) continue;
    foreign.push({ backend, passes: shown(passes), host: shown(host), uri: shown(uri), requests: Number(count) });
  }
  const number = (key: string): number => Number(new RegExp(`^${key} (\\d{1,12})$`, 'm').exec(output)?.[1] ?? 0);
  return {
    foreign: foreign.toSorted((a, b) => b.requests - a.requests),
    lines: number('lines'),
    strange: number('strange'),
  };
}

/** What the log holds was chosen by whoever sent the request. */
function shown(text = ''): string {
  return text.replaceAll(/\p{C}/gu, '?').slice(0, 200);
}
