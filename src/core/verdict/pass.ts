import { lnMean } from './logs.ts';

/**
 * Evidence that an arm's rate of errors is below a bound, of its own: against "it is the bound, or more". Begun anew at each step of a
 * canary. Every error counts here, also a client's second.
 */
export interface Good {
  readonly answered: number;
  readonly errors: number;
}

export const NOTHING_GOOD: Good = { answered: 0, errors: 0 };

/** The rates that a good release is taken to have, as shares of the bound: 0.1 % and 0.3 % where the bound is 1 %. */
const HOPED_FOR = [0.1, 0.3];

/** @param bound the rate of errors at which a release is not good any more, above 0 and below 1 */
export const lnPass = ({ answered, errors }: Good, bound: number): number =>
  lnMean(
    HOPED_FOR.map(
      (part) => (answered - errors) * (Math.log1p(-part * bound) - Math.log1p(-bound)) + errors * Math.log(part),
    ),
  );
