/** Where the requests of each backend go: who is out, and whose second slot is meant. */
interface Step {
  readonly out: ReadonlySet<string>;
  readonly second: ReadonlySet<string>;
}

export interface Walking {
  /** Who stays out all the time. */
  readonly stays?: ReadonlySet<string>;
  /** All are in between two batches. */
  readonly rests?: boolean;
}

/**
 * The tables that a roll goes through, one after each flip, in order. A batch leaves rotation and comes back with the flip that takes the
 * next one out; those of it that are `beside` (the release has been started on their other slot) do not leave: the flip at the end of
 * their batch moves them over.
 */
export function walk(
  from: Step,
  batches: readonly (readonly string[])[],
  beside: ReadonlySet<string>,
  { stays = new Set(), rests = false }: Walking = {},
): Step[] {
  const out = new Set(from.out);
  const second = new Set(from.second);
  const tables: Step[] = [];
  let back: string[] = [];
  const letIn = (): void => {
    for (const host of back) {
      if (!stays.has(host)) out.delete(host);
      if (beside.has(host) && !second.delete(host)) second.add(host);
    }
    back = [];
  };
  const flip = (): void => void tables.push({ out: new Set(out), second: new Set(second) });
  for (const batch of batches) {
    const leaving = batch.filter((host) => !stays.has(host) && !beside.has(host));
    if (leaving.length > 0) {
      letIn();
      for (const host of leaving) out.add(host);
      flip();
    }
    back = [...back, ...batch.filter((host) => !stays.has(host) || beside.has(host))];
    if (back.length === 0 || !(rests || batch.some((host) => beside.has(host)))) continue;
    letIn();
    flip();
  }
  letIn();
  flip();
  return tables;
}
