import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { setScene, type Scene } from '../test/e2e/scene.ts';
import { commits } from './commits.ts';
import { contenders } from './contenders.ts';
import { groupHosts, removeGroups } from './hosts-cpu.ts';
import { round, type Round } from './round.ts';
import { addSites } from './sites.ts';
import { rollTable } from './table.ts';

const usage = `npm run bench -- [--backends 4,20] [--rounds 3] [--only NAME,…] [--write FILE] [--raw FOLDER]

Rolls the same fleet by orchestrate and by its peers in turn, under load, and prints what each took.`;

const { values } = parseArgs({
  options: {
    backends: { type: 'string', default: '4,20' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: 'orchestrate,bash,orchestrate (own program)' },
    raw: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(usage);
  process.exit(0);
}

const parts: string[] = [];
for (const backends of values.backends.split(',').map(Number)) {
  const rounds = await bench(backends, Number(values.rounds), values.only.split(','));
  parts.push(`${backends} backends, 2 balancers\n\n${rollTable(rounds)}`);
  console.log(`\n${parts.at(-1)}\n`);
}

async function bench(backends: number, times: number, only: readonly string[]): Promise<Round[]> {
  const scene = await setScene({ name: 'bench', balancers: 2, backends, sshd: 'large' }, null);
  try {
    await addSites(scene.fleet);
    await groupHosts(scene.fleet);
    return await alternate(scene, times, only);
  } finally {
    await scene.end();
    await removeGroups();
  }
}

/** The first commit is rolled by everybody without being counted: it makes the virtual environments. Who is first changes each round. */
async function alternate(scene: Scene, times: number, only: readonly string[]): Promise<Round[]> {
  const who = (await contenders(scene.fleet, scene.project)).filter(({ name }) => only.includes(name));
  const rounds: Round[] = [];
  let number = -1;
  for await (const { ref } of commits(scene.project)) {
    if (number === -1) for (const each of who) await each.roll(ref);
    number += 1;
    if (number === 0) continue;
    if (number > times) break;
    for (const at of who.keys()) {
      const contender = who[(at + number) % who.length];
      if (contender === undefined) continue;
      const one = await round(scene, contender, ref);
      rounds.push(one);
      const { events, ...figures } = one;
      console.error(JSON.stringify({ at: new Date().toISOString(), ...figures }));
      if (values.raw !== undefined) {
        await mkdir(values.raw, { recursive: true });
        await writeFile(
          join(values.raw, `${contender.site.name}-${scene.fleet.backends.length}-${number}.json`),
          JSON.stringify(events),
        );
      }
    }
  }
  return rounds;
}
