import { newestOf, seenBalancers, type FleetView, type SeenBalancer } from '../fleet.ts';
import { outOf, type GenerationRecord } from '../record.ts';
import { standings } from '../standing.ts';
import { refused, type Refused } from './refusal.ts';

/** Why nothing may be changed while a balancer's routing is what somebody made of it by hand: the difference, and the two ways out. */
export function changedByHand(view: FleetView): Refused | undefined {
  const standing = standings(view);
  const edited = [...standing].flatMap(([name, { kind }]) => (kind === 'edited' ? [name] : []));
  if (edited.length === 0) return undefined;
  const good = goodRecord(view);
  const [first = ''] = edited;
  return refused(
    `The routing of ${edited.join(' and ')} was changed by hand; nothing was touched.`,
    `\`--adopt ${first}\`, given to the same command, takes for true on all balancers what ${first} routes now${
      good === null
        ? '.'
        : `; \`--overwrite\` writes on all of them what the record of generation ${good.generation} says.`
    }`,
    [
      ...[...standing].flatMap(([, each]) => (each.kind === 'level' ? [] : [each.says])),
      ...seenBalancers(view).map(
        ([name, { sends, live }]) => `${name} (generation ${live ?? 'none'}) ${routes(sends)}`,
      ),
      ...(good === null ? ['no record can be read that was not changed'] : [told(good)]),
    ],
  );
}

/** The newest record anywhere that nobody has edited. */
export const goodRecord = (view: FleetView): GenerationRecord | null =>
  newestOf(seenBalancers(view).map(([, { good }]) => good));

function routes(sends: SeenBalancer['sends']): string {
  if (sends === null) return 'sends nobody can tell where: its Nginx does not tell what it has loaded';
  const spared = [...sends].flatMap(([name, { out }]) => (out ? [name] : []));
  return spared.length === 0 ? 'sends to every backend' : `sends nothing to ${spared.join(', ')}`;
}

function told(record: GenerationRecord): string {
  const out = [...outOf(record)];
  return `the record of generation ${record.generation} (${record.by}, \`${record.command}\`, ${record.at}) has ${out.length === 0 ? 'nobody' : out.join(', ')} out`;
}
