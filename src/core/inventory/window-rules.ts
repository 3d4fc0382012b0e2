import { freezeOf } from '../freeze.ts';
import type { Rules } from '../windows.ts';
import type { Sections } from './schema.ts';

export type WrittenRules = Pick<Sections, 'time_zone' | 'windows' | 'freezes'>;

/** Windows and freezes as they are decided by: each in a zone, dates and times as instants. */
export const rulesOf = ({ time_zone, windows, freezes }: WrittenRules): Rules => ({
  windows: windows.map((window) => ({ ...window, time_zone: window.time_zone ?? time_zone })),
  freezes: freezes.map(({ from, to, time_zone: zone = time_zone, reason }) => ({
    ...freezeOf(from, to, zone),
    ...(reason === undefined ? {} : { reason }),
  })),
});
