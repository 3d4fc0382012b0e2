import type { BackendFacts } from './backend-facts.ts';
import type { BalancerFacts } from './balancer-facts.ts';
import type { LogTail } from './routing/foreign.ts';

/** What was read, or why it could not be. */
export type Seen<F> =
  | { readonly kind: 'seen'; readonly facts: F }
  | { readonly kind: 'unreachable'; readonly reason: string };

/** What a status server answered. */
export type Answer =
  | { readonly kind: 'answered'; readonly status: number; readonly body: string }
  | { readonly kind: 'no answer'; readonly reason: string };

/** What a balancer's Nginx tells beside its files: its status server, and the end of its access log. */
export interface Answers {
  readonly status: Answer;
  readonly generation: Answer;
  readonly log: Seen<LogTail>;
}

/** The fleet's facts, as read. */
export interface FleetFacts {
  readonly balancers: Readonly<Record<string, Seen<BalancerFacts & Answers>>>;
  readonly backends: Readonly<Record<string, Seen<BackendFacts>>>;
}
