import type { FleetView } from '../fleet.ts';
import { older } from './age.ts';

/**
 * The newest release that brought a migration which is not additive, if going from it, or what came after it, to `to` means going back
 * behind it; undefined: it does not. The releases before may not work with the database.
 */
export function noReturn(view: FleetView, to: string): string | undefined {
  const marks = Object.values(view.backends).flatMap((seen) =>
    seen.kind === 'seen' && seen.oneWay !== null ? [seen.oneWay] : [],
  );
  const newest = marks.toSorted(older(view)).at(-1);
  return newest !== undefined && older(view)(to, newest) < 0 ? newest : undefined;
}
