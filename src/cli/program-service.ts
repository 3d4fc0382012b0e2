import { Argument, Option, type Command } from 'commander';
import { SCOPES } from '../core/api/token.ts';
import type { Does } from './doing.ts';
import { canaryShare, lifetime, whole } from './values.ts';

/** The commands of a service: the one that runs it, and those that only a service can do. */
export function serviceCommands(
  top: Command,
  does: Does,
  { rolling, version }: { readonly rolling: (command: Command) => Command; readonly version: string },
): void {
  top
    .command('serve')
    .description('run the service: it keeps schedules, rolls while nobody is there, and watches canaries')
    .option('--data <folder>', 'what it keeps', './orchestrate-data')
    .option('--database <url>', 'keep it in PostgreSQL, which several services may share: postgres://USER@HOST/NAME')
    .option('--listen <address>', 'address and port of its API', '127.0.0.1:7260')
    .option('--tls-certificate <file>', 'PEM')
    .option('--tls-key <file>', 'PEM')
    .option('--plain-http', 'on another address than this machine’s own without TLS: something else protects the way')
    .action(
      does(async () => {
        const { serve } = await import('./serve.ts');
        return (flags: Parameters<typeof serve>[0]) => serve(flags, version);
      }, 'here'),
    );

  const schedule = top.command('schedule').description('rolls and canaries for later; kept by a service');
  rolling(
    json(
      schedule
        .command('roll')
        .description('roll at a time, or again and again, as soon as windows allow')
        .option('--at <time>', 'tonight (the next window), or as in 2026-12-01T02:00')
        .addOption(new Option('--cron <fields>', 'minute, hour, day, month, weekday: "0 2 * * tue"').conflicts('at')),
    ),
  )
    .option('--time-zone <zone>', "of these times (default: the inventory's)")
    .addOption(
      new Option(
        '--commit <when>',
        'which commit the ref means: as it is made, or as it runs (default: made for one time, run for a recurrence)',
      ).choices(['made', 'run']),
    )
    .option('--not-after <time>', 'it expires where it could not begin so long after it was due: 2h')
    .option('--jitter <time>', 'put off by up to so long, so that not all begin at once: 10m')
    .option('--needs-approval', 'it waits for `schedule approve` by somebody else')
    .addOption(
      new Option('--canary <share>', 'let so many of the users meet it first, judged: 10%').argParser(canaryShare),
    )
    .action(does(async () => (await import('./schedule.ts')).scheduleRoll, 'here'));
  limit(json(schedule.command('list').description('what is scheduled, newest first')), 100)
    .option('--all', 'also what has ended')
    .action(does(async () => (await import('./schedule.ts')).scheduleList, 'here'));
  const one = (name: string, says: string): Command =>
    json(
      schedule
        .command(name)
        .description(says)
        .addArgument(new Argument('<number>', 'of `schedule list`').argParser(whole)),
    );
  one('show', 'one of them, with its jobs').action(
    does(async () => (await import('./schedule.ts')).scheduleShow, 'here'),
  );
  one('cancel', 'no more of it').action(does(async () => (await import('./schedule.ts')).scheduleCancel, 'here'));
  one('run-now', 'its next job now, as soon as windows allow').action(
    does(async () => (await import('./schedule.ts')).scheduleRunNow, 'here'),
  );
  one('pause', 'nothing of it until it is continued').action(
    does(async () => (await import('./schedule.ts')).schedulePause, 'here'),
  );
  one('continue', 'the end of a pause').action(
    does(async () => (await import('./schedule.ts')).scheduleContinue, 'here'),
  );
  one('approve', 'its next job may begin, says somebody else than asked for it').action(
    does(async () => (await import('./schedule.ts')).scheduleApprove, 'here'),
  );

  const jobs = limit(json(top.command('jobs').description('what a service did and is to do, newest first')), 20).action(
    does(async () => (await import('./schedule.ts')).jobs, 'here'),
  );
  json(jobs.command('stop').argument('<job>', 'of `jobs`').description('ask one to stop, as Ctrl-C does')).action(
    does(async () => (await import('./schedule.ts')).jobsStop, 'here'),
  );
  json(top.command('watch').argument('[job]', 'default: all').description('what a service does, as it happens'))
    .option('-v, --verbose', 'also what the hosts print')
    .action(does(async () => (await import('./server.ts')).watch, 'here'));

  const token = top.command('token').description('who may use a service');
  json(token.command('make').argument('<name>').description('make one; it is printed this once'))
    .addOption(new Option('--scope <scope>', 'what it may').choices(SCOPES).default('operate'))
    .addOption(
      new Option('--expires <time>', 'good for so long: 12h, 90d (default: until it is revoked)').argParser(lifetime),
    )
    .action(does(async () => (await import('./token.ts')).tokenMake, 'here'));
  json(token.command('list').description('those that there are')).action(
    does(async () => (await import('./token.ts')).tokenList, 'here'),
  );
  json(token.command('revoke').argument('<name>').description('it is good for nothing any more')).action(
    does(async () => (await import('./token.ts')).tokenRevoke, 'here'),
  );
}

const json = (command: Command): Command => command.option('--json', 'as JSON');
const limit = (command: Command, usual: number): Command =>
  command.addOption(new Option('--limit <number>', 'the newest so many').argParser(whole).default(usual));
