/** How often each order was stored, by its id. */
export type Rows = ReadonlyMap<string, number>;

export interface Orders {
  /** Ids whose order was answered with success. */
  readonly acknowledged: readonly string[];
  /** Ids that were sent and not answered with success: each is a failure already; the database may have them or not. */
  readonly unacknowledged: readonly string[];
}

export interface Ledger {
  /** Acknowledged, and not in the database. */
  readonly missing: readonly string[];
  /** In the database more than once. */
  readonly doubled: readonly string[];
  /** In the database though nobody sent it. */
  readonly unknown: readonly string[];
  /** Failed for the user, yet in the database. */
  readonly storedUnacknowledged: readonly string[];
}

/** Compares what was sent with what the database has. */
export function checkLedger(orders: Orders, rows: Rows): Ledger {
  const sent = new Set([...orders.acknowledged, ...orders.unacknowledged]);
  return {
    missing: orders.acknowledged.filter((id) => !rows.has(id)),
    doubled: [...rows].filter(([, times]) => times > 1).map(([id]) => id),
    unknown: [...rows.keys()].filter((id) => !sent.has(id)),
    storedUnacknowledged: orders.unacknowledged.filter((id) => rows.has(id)),
  };
}

/** For `psql -At -F ' ' -c QUERY`, whose output `readRows` reads. `run`: the report's, letters, digits and hyphens. */
export function ledgerQuery(run: string): string {
  if (!/^[a-z0-9-]+$/.test(run)) throw new Error(`${run} is not the name of a run`);
  return `select key, count(*) from orders_order where key like '${run}-%' group by key`;
}

/** Reads lines `ID TIMES`: psql's, or those of /orders/ledger?prefix=RUN-. Throws at any other line. */
export function readRows(text: string): Rows {
  const rows = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const match = /^([A-Za-z0-9-]+) (\d+)$/.exec(line);
    if (match === null) throw new Error(`the ledger has a line ${JSON.stringify(line.slice(0, 80))}`);
    rows.set(match[1]!, Number(match[2]));
  }
  return rows;
}
