import type { Plan } from '../plan.ts';

/** Why there is no plan: told to the person, with the exit code that goes with it. Nothing was touched. */
export interface Refused {
  readonly kind: 'refused';
  /** 2 usage, 3 the fleet is not as it must be. */
  readonly exit: 2 | 3;
  readonly message: string;
  readonly details: readonly string[];
  readonly next: string;
}

export type Planned = { readonly kind: 'planned'; readonly plan: Plan } | Refused;

export const refused = (message: string, next: string, details: readonly string[] = [], exit: 2 | 3 = 3): Refused => ({
  kind: 'refused',
  exit,
  message,
  details,
  next,
});
