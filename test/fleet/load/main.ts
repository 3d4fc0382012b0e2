import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { runLoad } from './generator.ts';
import { mix } from './mix.ts';

const usage = `The load, as a process of its own. Prints its counters each 250 ms as a line of JSON; writes the report when it ends.

  node main.ts --targets ADDRESS:PORT,… --releases NAME=STYLESHEET,… [--seconds N] [--report FILE]
      [--host NAME] [--seed N] [--run NAME] [--ca PEM-FILE] [--http2] [--mix JSON] [--users N]

SIGTERM or SIGINT ends it early, with its report. Exit code 1 when a request failed (the database is not asked here).`;

const { values } = parseArgs({
  options: {
    targets: { type: 'string' },
    releases: { type: 'string' },
    seconds: { type: 'string' },
    report: { type: 'string' },
    host: { type: 'string' },
    seed: { type: 'string' },
    run: { type: 'string' },
    ca: { type: 'string' },
    http2: { type: 'boolean' },
    mix: { type: 'string' },
    users: { type: 'string' },
  },
});
if (values.targets === undefined || values.releases === undefined) {
  console.error(usage);
  process.exit(2);
}

const load = await runLoad({
  targets: values.targets.split(','),
  releases: Object.fromEntries(
    values.releases.split(',').map((pair) => [pair.split('=')[0]!, pair.split('=')[1] ?? '']),
  ),
  ...(values.seconds !== undefined && { seconds: Number(values.seconds) }),
  ...(values.host !== undefined && { host: values.host }),
  ...(values.seed !== undefined && { seed: Number(values.seed) }),
  ...(values.run !== undefined && { run: values.run }),
  ...(values.ca !== undefined && { ca: readFileSync(values.ca, 'utf8') }),
  ...(values.users !== undefined && { users: Number(values.users) }),
  ...(values.http2 === true && { http2: true }),
  ...(values.mix !== undefined && { mix: { ...mix, ...JSON.parse(values.mix) } }),
});
const stop = (): void => void load.stop();
process.on('SIGTERM', stop).on('SIGINT', stop);
// Whoever started it through load.ts has gone: so does it.
if (process.send !== undefined) process.on('disconnect', stop);

const ticker = setInterval(() => console.log(JSON.stringify(load.live())), 250);
const report = await load.done;
clearInterval(ticker);
console.log(JSON.stringify(load.live()));
if (values.report !== undefined) writeFileSync(values.report, JSON.stringify(report));
if (process.connected) process.disconnect();
process.exitCode = report.failed.length === 0 ? 0 : 1;
