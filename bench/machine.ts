import { readFile } from 'node:fs/promises';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { run } from '../test/fleet/hosts/shell.ts';
import { hasGroups } from './hosts-cpu.ts';
import { mix } from '../test/fleet/load/mix.ts';

/** What was measured where and when: a paragraph. */
export async function machine(): Promise<string> {
  const system =
    /^PRETTY_NAME="(.*)"$/m.exec(await readFile('/etc/os-release', 'utf8').catch(() => ''))?.[1] ?? 'Linux';
  const nginx = (await run('/usr/sbin/nginx', ['-v'])).stderr.trim().replace('nginx version: ', '');
  const ssh = (await run('/usr/bin/ssh', ['-V'])).stderr.trim().split(',')[0] ?? '';
  const cores = cpus();
  return [
    `${new Date().toISOString().slice(0, 10)}, ${cores.length} × ${cores[0]?.model.trim() ?? 'CPU'}, ${(totalmem() / 2 ** 30).toFixed(0)} GB, ${system}, Linux ${release()}, Node ${process.version}, ${nginx}, ${ssh}. Load average before: ${loadavg()[0]?.toFixed(1)}.`,
    `The fleet is made of namespaces on that machine (test/fleet), each host ${hasGroups() ? 'in a CPU group of its own' : 'without a CPU group of its own, so that hosts slow each other down'}. Load: ${mix.rate} requests/s over ${mix.connections} kept-alive connections from ${mix.delay} ms away (test/fleet/load/mix.ts), during every roll. Each roll is of a commit that no host has seen, with the requirements of the one before; code alone differs.`,
    'Medians; in parentheses beside bash in the same run. Operator CPU is user and system of all processes there. Host-seconds: from the flip that took a backend out to the flip that let it in, both done, all backends together.',
  ].join('\n\n');
}
