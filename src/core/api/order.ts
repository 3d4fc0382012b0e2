import { z } from 'zod';

/**
 * What a command is, as data: a verb with its flags, as they are sent to a service. The one source for what is accepted there, and for the
 * OpenAPI document. What the words mean is checked where the command is made of them (src/verbs/ordered.ts).
 */

const line = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    // oxlint-disable-next-line no-control-regex -- control characters are what is refused
    .regex(/^[^\u0000-\u001f\u007f]*$/, 'is one line, without control characters');

const hosts = line(2000).describe('only these backends: web1,web[3-4]').exactOptional();
const zone = line(100).describe('only the backends of this zone').exactOptional();
const batch = z
  .array(z.union([z.int().min(1).max(99_999), z.templateLiteral([z.int().min(1).max(100), '%'])]))
  .min(1)
  .max(100)
  .describe('hosts at once, one size a batch, the last repeats: [1, "10%"]')
  .exactOptional();
const override = {
  now: z.boolean().describe('outside of the windows, or in a freeze, all the same; needs a reason').exactOptional(),
  reason: line(500).describe('with now: why').exactOptional(),
};

/** What every command that changes something takes. */
const changing = {
  dryRun: z.boolean().describe('make the plan and change nothing').exactOptional(),
  wait: line(20).describe("wait for another's lease, so long at the most: 30s, 10m").exactOptional(),
  adopt: line(100)
    .describe('where somebody changed the routing by hand: what this balancer routes now is made true on all')
    .exactOptional(),
  overwrite: z
    .boolean()
    .describe('where somebody changed the routing by hand: what the newest good record says is written on all')
    .exactOptional(),
};
const share = z.int().min(1).max(99).describe('of a hundred users');
const withoutBalancer = line(2000).describe('leave out balancers that can not be reached and take no traffic');
const without = { withoutBalancer: withoutBalancer.exactOptional() };
const named = z.array(line(300)).min(1).max(1000).describe('backends; ranges too');

export const orderSchema = z
  .discriminatedUnion('verb', [
    z.strictObject({
      verb: z.literal('roll'),
      ...changing,
      ...without,
      ...override,
      hosts,
      zone,
      batch,
      ref: line(300).describe("branch, tag or commit; default: the inventory's build.ref").exactOptional(),
      allowMigration: z.array(line(300)).max(100).describe('migrations that are not additive').exactOptional(),
      waitWindow: z.boolean().describe('wait until a window is open, then roll').exactOptional(),
      linger: z.int().min(0).max(604_800_000).describe('milliseconds; two slots only').exactOptional(),
    }),
    z.strictObject({
      verb: z.literal('rollback'),
      ...changing,
      ...without,
      hosts,
      zone,
      batch,
      release: line(100).describe('default: the newest before the present one that every host has').exactOptional(),
      acrossMigration: z.boolean().describe('also to before a migration that is not additive').exactOptional(),
    }),
    z.strictObject({ verb: z.literal('resume'), ...changing, ...override }),
    z.strictObject({
      verb: z.literal('drain'),
      ...changing,
      ...without,
      names: named,
      reason: line(500).exactOptional(),
    }),
    z.strictObject({ verb: z.literal('enable'), ...changing, ...without, names: named }),
    z.strictObject({ verb: z.literal('prune'), ...changing }),
    z.strictObject({ verb: z.literal('linger stop'), ...changing, hosts, zone }),
    z.strictObject({ verb: z.literal('lease break'), ...changing }),
    z.strictObject({
      verb: z.literal('canary'),
      ...changing,
      hosts,
      ...override,
      share: share.exactOptional(),
      ref: line(300).describe("branch, tag or commit; default: the inventory's build.ref").exactOptional(),
      steps: z.array(share).min(1).max(99).describe('climbs by itself, each share judged').exactOptional(),
      hold: z.int().min(1).max(604_800_000).describe('milliseconds for which a share is judged').exactOptional(),
      promote: z.enum(['ask', 'auto']).describe('what becomes of one that is found good').exactOptional(),
    }),
    z.strictObject({
      verb: z.literal('ab'),
      ...changing,
      hosts,
      ...override,
      a: line(300).describe('side A: what serves, where it is to be made sure').exactOptional(),
      b: line(300).describe('side B: branch, tag or commit'),
      share: share.exactOptional(),
      until: line(40).describe('its end: 2026-12-01T06:00'),
      next: z.enum(['a', 'b', 'ask']).describe('what everybody meets after it').exactOptional(),
      name: line(40).describe('what chooses who is on which side').exactOptional(),
    }),
    z.strictObject({ verb: z.literal('ab end'), ...changing, ...override, next: z.enum(['a', 'b']) }),
    z.strictObject({ verb: z.literal('canary share'), ...changing, share }),
    z.strictObject({ verb: z.literal('canary pause'), ...changing }),
    z.strictObject({ verb: z.literal('canary continue'), ...changing }),
    z.strictObject({ verb: z.literal('canary promote'), ...changing, ...override }),
    z.strictObject({ verb: z.literal('canary abort'), ...changing }),
  ])
  .meta({ id: 'Order', description: 'A command that changes the fleet, with the flags that the command line has.' });

export type Order = z.infer<typeof orderSchema>;

/** What an order is told to have been, in one line. */
export const orderText = (order: Order): string => {
  const parts: string[] = [order.verb];
  if ('names' in order) parts.push(...order.names);
  if ('b' in order) parts.push(`--b ${order.b} --until ${order.until}`);
  if ('next' in order && order.next !== undefined) parts.push(`--then ${order.next}`);
  if ('release' in order && order.release !== undefined) parts.push(order.release);
  if ('share' in order && order.share !== undefined)
    parts.push(...(order.verb === 'ab' ? ['--share'] : []), `${order.share}%`);
  if ('ref' in order && order.ref !== undefined) parts.push(`--ref ${order.ref}`);
  if ('steps' in order && order.steps !== undefined)
    parts.push(`--steps ${order.steps.map((each) => `${each}%`).join()}`);
  if ('batch' in order && order.batch !== undefined) parts.push(`--batch ${order.batch.join()}`);
  if ('hosts' in order && order.hosts !== undefined) parts.push(`--hosts ${order.hosts}`);
  if ('zone' in order && order.zone !== undefined) parts.push(`--zone ${order.zone}`);
  if (order.dryRun === true) parts.push('--dry-run');
  return parts.join(' ');
};
