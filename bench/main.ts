import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { setScene, type Scene } from '../test/e2e/scene.ts';
import { commits } from './commits.ts';
import { contenders, type Contender, type Contenders } from './contenders.ts';
import { groupHosts, removeGroups } from './hosts-cpu.ts';
import { machine } from './machine.ts';
import { quick } from './quick.ts';
import { quickTable, rollTable } from './table.ts';
import { round, type Round } from './round.ts';
import { addSites } from './sites.ts';

const usage = `npm run bench -- [--backends 4,20] [--rounds 3] [--ansible 1] [--more 0] [--who PATTERN] [--results FILE] [--raw FOLDER]

Rolls one fleet by orchestrate and by its peers in turn, under load; writes what each took to bench/RESULTS.md.
  --backends  sizes of the fleet, one after the other; 2 balancers each
  --rounds    rolls of each: medians are told
  --ansible   rolls by Ansible, where it is installed: it is slow
  --more      further rolls by orchestrate on the first size, managed and fixed in turn, that look for losses
  --who       of the usual, only those whose names match
  --service   the service alone: what it takes while it waits, and is looked at
  --raw       also keeps each roll's events there`;

const { values } = parseArgs({
  options: {
    backends: { type: 'string', default: '4,20' },
    rounds: { type: 'string', default: '3' },
    ansible: { type: 'string', default: '1' },
    more: { type: 'string', default: '0' },
    results: { type: 'string', default: join(import.meta.dirname, 'RESULTS.md') },
    who: { type: 'string', default: '' },
    raw: { type: 'string' },
    service: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(usage);
  process.exit(0);
}
if (values.service) {
  const { benchService } = await import('./service.ts');
  console.log((await benchService()).join('\n'));
  process.exit(0);
}
const sizes = values.backends.split(',').map(Number);
const rounds = Number(values.rounds);

const parts = [await machine()];
const all: Round[] = [];
for (const [index, backends] of sizes.entries()) {
  const part = await bench(backends, index === 0);
  parts.push(part);
  console.log(`\n${part}\n`);
  await keep();
}
/** Writes the results so far: a run that is interrupted has not been for nothing. */
async function keep(): Promise<void> {
  const ours = all.filter(({ contender }) => contender.startsWith('orchestrate'));
  const sum = (value: (of: Round) => number): number => ours.reduce((total, each) => total + value(each), 0);
  const losses = `Requests failed in all ${ours.length} rolls by orchestrate: ${sum(({ failed }) => failed)} of ${sum(({ sent }) => sent)}.`;
  await writeFile(values.results, `# What a roll takes\n\n${[...parts, losses].join('\n\n')}\n`);
  console.log(losses);
}

/** Everything on one size of fleet; returns its tables. */
async function bench(backends: number, isFirst: boolean): Promise<string> {
  const scene = await setScene({ name: 'bench', balancers: 2, backends, sshd: 'large' }, null);
  let ungroup = async (): Promise<void> => {};
  try {
    await addSites(scene.fleet);
    ungroup = await groupHosts(scene.fleet);
    const who = await contenders(scene.fleet, scene.project);
    const done = await alternate(scene, who, isFirst);
    all.push(...done);
    const small = await quick(scene.fleet, who.program, who.environment, 7);
    return [`## ${backends} backends`, rollTable(done), quickTable(small, scene.fleet.hosts.length)].join('\n\n');
  } finally {
    await ungroup();
    await scene.end();
    await removeGroups();
  }
}

/** The first commit is rolled by everybody without being counted: it makes the virtual environments. Who is first changes each round. */
async function alternate(scene: Scene, who: Contenders, isFirst: boolean): Promise<Round[]> {
  const usual = [[who.orchestrate], [who.bash], [who.own], [who.two, who.back], [who.bashTwo]].filter(([first]) =>
    new RegExp(values.who).test(first?.name ?? ''),
  );
  const plan: Contender[][] = Array.from({ length: rounds }, (_, at) =>
    usual.flatMap((_each, index) => usual[(index + at) % usual.length] ?? []),
  );
  if (isFirst) {
    if (who.ansible !== undefined)
      for (let time = 0; time < Number(values.ansible); time += 1) plan.push([who.ansible]);
    for (let time = 0; time < Number(values.more); time += 1) plan.push([time % 2 === 0 ? who.fixed : who.orchestrate]);
  }
  const done: Round[] = [];
  const refs = commits(scene.project);
  const first = (await refs.next()).value;
  for (const [each] of usual) await each?.roll(first.ref);
  for (const [at, turn] of plan.entries()) {
    const { ref } = (await refs.next()).value;
    for (const contender of turn) {
      const one = await round(scene, contender, ref);
      done.push(one);
      const { events, ...figures } = one;
      console.error(JSON.stringify({ ...figures, events: events.length }));
      if (values.raw !== undefined) {
        await mkdir(values.raw, { recursive: true });
        await writeFile(
          join(values.raw, `${scene.fleet.backends.length}-${at}-${contender.name}.json`),
          JSON.stringify(one),
        );
      }
    }
  }
  return done;
}
