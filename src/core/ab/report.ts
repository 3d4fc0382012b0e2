import { NO_TIMES, plus, quantile, type Histogram } from '../verdict/bins.ts';
import { rangeOfAll, type Range } from './sequence.ts';

/** What one side of an A/B window has come to on one balancer. */
export interface SideSums {
  readonly requests: number;
  /** Answers of 500-599 and none at all: every one. */
  readonly errors: number;
  readonly times: Histogram;
  /** Distinct clients. */
  readonly clients: number;
  /** Distinct clients who came to each goal, by its name. */
  readonly goals: Readonly<Record<string, number>>;
}

export interface Sides {
  readonly a: SideSums;
  readonly b: SideSums;
}

/** A goal on both sides. */
export interface GoalReport {
  readonly name: string;
  readonly a: Part;
  readonly b: Part;
  /** Of B's clients for each of A's, as large as both sides are: 1.2 is a fifth more. Undefined: nobody of A came to it. */
  readonly ratio: number | undefined;
  /** The truth is in it with 95 %, whenever one looks. Undefined: the balancers' users differ. */
  readonly range: Range | undefined;
  /** Who is better, where the range says so. */
  readonly better: 'a' | 'b' | undefined;
}

interface Part {
  readonly reached: number;
  /** Of the side's clients; undefined: there is none. */
  readonly rate: number | undefined;
}

/** Quantiles in milliseconds, of attempts. */
interface SideReport {
  readonly requests: number;
  readonly errors: number;
  readonly clients: number;
  readonly quantiles: readonly { readonly share: number; readonly ms: number | undefined }[];
}

export interface AbReport {
  readonly a: SideReport;
  readonly b: SideReport;
  readonly goals: readonly GoalReport[];
  /** More than one balancer had users: who came by several is counted by each. */
  readonly severally: boolean;
}

/** The chance that the range of one goal ever leaves out the truth. */
const RISK = 0.05;

/**
 * Both sides in numbers.
 * @param balancers what each has counted: all of them, also those that had no user. Whoever looks earlier must not have a smaller range
 * @param share B's share of the users, above 0 and below 1, the same for the whole window
 * @param goals their names, in the order in which they are told
 */
export function reportOf(balancers: readonly Sides[], share: number, goals: readonly string[]): AbReport {
  const [a, b] = [sumOf(balancers.map((each) => each.a)), sumOf(balancers.map((each) => each.b))];
  return {
    a: sideOf(a),
    b: sideOf(b),
    goals: goals.map((name) => goalIn(name, balancers, { a, b }, share)),
    severally: balancers.filter((each) => each.a.clients + each.b.clients > 0).length > 1,
  };
}

function goalIn(name: string, balancers: readonly Sides[], { a, b }: Sides, share: number): GoalReport {
  const [reachedA, reachedB] = [of(a, name), of(b, name)];
  const range = rangeOfAll(
    balancers.map((each) => ({ a: of(each.a, name), b: of(each.b, name) })),
    share,
    RISK,
  );
  return {
    name,
    a: partOf(reachedA, a.clients),
    b: partOf(reachedB, b.clients),
    ratio: reachedA === 0 ? undefined : (reachedB / reachedA) * ((1 - share) / share),
    range,
    better: range === undefined ? undefined : range.low > 1 ? 'b' : range.high < 1 ? 'a' : undefined,
  };
}

const of = ({ goals }: SideSums, name: string): number => (Object.hasOwn(goals, name) ? (goals[name] ?? 0) : 0);

const partOf = (reached: number, clients: number): Part => ({
  reached,
  rate: clients === 0 ? undefined : reached / clients,
});

const sumOf = (sides: readonly SideSums[]): SideSums => {
  const goals: Record<string, number> = {};
  for (const side of sides)
    for (const [name, many] of Object.entries(side.goals)) goals[name] = (goals[name] ?? 0) + many;
  const all = (read: (side: SideSums) => number): number => sides.reduce((sum, side) => sum + read(side), 0);
  return {
    requests: all(({ requests }) => requests),
    errors: all(({ errors }) => errors),
    clients: all(({ clients }) => clients),
    times: sides.reduce((sum, { times }) => plus(sum, times), NO_TIMES),
    goals,
  };
};

const sideOf = ({ requests, errors, clients, times }: SideSums): SideReport => ({
  requests,
  errors,
  clients,
  quantiles: [0.5, 0.95, 0.99].map((share) => ({ share, ms: quantile(times, share) })),
});
