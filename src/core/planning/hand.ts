import type { Backend } from '../inventory.ts';
import type { Routing } from './flip.ts';

const HAND = 'being switched to ';
/** Why a host is out that a roll has in hand. */
export const handReason = (release: string): string => `${HAND}${release}`;
const FAILED = 'could not be switched to ';
/** Why a host is out on which a roll failed that went on, or stopped, without it. */
export const failedReason = (release: string): string => `${FAILED}${release}`;
/** Why a host is out that could not be reached when the fleet went back to one version. */
export const LOST = 'could not be reached while going back';

/** Why a host is out that came into the inventory after the record was written. */
export const NEW = 'new: not rolled yet';

/** Whether a host is out not by a person's word, but only because a roll has it in hand, or had, or because none has come to it yet: the next roll puts it in. */
export const inHand = (reason: string | undefined): boolean =>
  reason !== undefined && (reason === LOST || reason === NEW || reason.startsWith(HAND) || reason.startsWith(FAILED));

/** What a roll has in hand goes first: it is out already, and the fleet is short of it. */
export function handFirst(backends: readonly Backend[], routing: Pick<Routing, 'reasonOf'>): Backend[] {
  const held = ({ name }: Backend): number => Number(inHand(routing.reasonOf(name)));
  return backends.toSorted((a, b) => held(b) - held(a));
}
