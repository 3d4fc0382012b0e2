import type { Counts } from './verdict/ratio.ts';

/** What bake-counts.sh prints of one backend in one slice of 5 s on one balancer. */
export interface Slice {
  /** Seconds of the epoch at which it begins. */
  readonly epoch: number;
  /** As in $upstream_addr. */
  readonly address: string;
  readonly requests: number;
  readonly errors: number;
}

export interface BakeLook {
  readonly slices: readonly Slice[];
  /** Where the next look begins: the two words to give to bake-counts.sh. */
  readonly at: readonly [offset: string, inode: string];
  /** Lines that are not of our log format. */
  readonly strange: number;
  /** Lines were lost to rotation. */
  readonly gap: boolean;
}

/** To begin at the end of the log. */
export const LOG_END: BakeLook['at'] = ['-', '-'];

/** Reads what bake-counts.sh printed, or says that it can't be. Lines that can't be understood are left aside. */
export function parseBakeCounts(output: string): BakeLook | { readonly problem: string } {
  const slices: Slice[] = [];
  for (const [, epoch, address, requests, errors] of output.matchAll(
    /^slice (\d{1,12}) (\S{1,100}) (\d{1,12}) (\d{1,12})$/gm,
  )) {
    slices.push({ epoch: Number(epoch), address: address ?? '', requests: Number(requests), errors: Number(errors) });
  }
  const [, offset, inode] = /^at (\d{1,18}) (\d{1,20})$/m.exec(output) ?? [];
  if (offset === undefined || inode === undefined)
    return { problem: 'what was counted in the access log can not be read' };
  return {
    slices,
    at: [offset, inode],
    strange: Number(/^strange (\d{1,12})$/m.exec(output)?.[1] ?? 0),
    gap: /^gap yes$/m.test(output),
  };
}

/** A stratum is grown until it holds one request of the new release and this many in all, or lasts a minute: decided on counts alone. */
const LEAST_REQUESTS = 50;
const LONGEST = 60;

/**
 * One balancer's slices as strata of two arms.
 * @param arm the release that a backend served with at that time: undefined where it is left out of both (it has only just re-entered)
 */
export function strataOf(
  slices: readonly Slice[],
  arm: (address: string, epoch: number) => 'new' | 'old' | undefined,
): Counts[] {
  const found: Counts[] = [];
  let sum = { newRequests: 0, newErrors: 0, oldRequests: 0, oldErrors: 0 };
  let begun: number | undefined;
  const bySlice = [...Map.groupBy(slices, ({ epoch }) => epoch)].toSorted(([a], [b]) => a - b);
  for (const [epoch, ofSlice] of bySlice) {
    if (begun !== undefined && epoch - begun >= LONGEST) {
      found.push(sum);
      sum = { newRequests: 0, newErrors: 0, oldRequests: 0, oldErrors: 0 };
      begun = undefined;
    }
    begun ??= epoch;
    for (const { address, requests, errors } of ofSlice) {
      const side = arm(address, epoch);
      if (side === 'new') sum = { ...sum, newRequests: sum.newRequests + requests, newErrors: sum.newErrors + errors };
      if (side === 'old') sum = { ...sum, oldRequests: sum.oldRequests + requests, oldErrors: sum.oldErrors + errors };
    }
    if (sum.newRequests >= 1 && sum.newRequests + sum.oldRequests >= LEAST_REQUESTS) {
      found.push(sum);
      sum = { newRequests: 0, newErrors: 0, oldRequests: 0, oldErrors: 0 };
      begun = undefined;
    }
  }
  if (begun !== undefined) found.push(sum);
  return found;
}
