import { readFileSync } from 'node:fs';
import { Argument, Command, CommanderError, Option } from 'commander';
import { printable, Refusal } from '../core/failure.ts';
import { doing, orders, reads } from './doing.ts';
import { serviceCommands } from './program-service.ts';
import { batch, canaryShare, lasting, share, shares, whole } from './values.ts';

/** From package.json, which stands two folders up from src/cli and from dist/cli alike. */
const version =
  /"version": "([^"]+)"/.exec(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))?.[1] ?? '';

/**
 * Reads the arguments, runs the command, returns the exit code: 0 done · 1 failed, the fleet is put back on one version ·
 * 2 usage or inventory · 3 refused before the first byte was written on a host · 4 mixed, drifted or unfinished. A canary's verdict:
 * 0 PASS · 1 FAIL · 5 UNDECIDED · 6 NO-DATA.
 */
export async function main(args: readonly string[]): Promise<number> {
  const end = { code: 0 };
  try {
    await program(end).parseAsync(args, { from: 'user' });
    return end.code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof Refusal) {
      process.stderr.write(
        `${[error.message, ...error.details.flatMap((detail) => detail.split('\n').map((line) => `  ${line}`)), `What to do: ${error.next}`].map(printable).join('\n')}\n`,
      );
      return error.exit;
    }
    process.stderr.write(`${printable(ours(error))}\n`);
    return 1;
  }
}

/** A failure of this program's own: nothing that an operator did. */
function ours(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `${stack}\n\nThis is a fault of orchestrate ${version} itself (Node ${process.version}, ${process.platform}). \`orchestrate status\` tells what is so on the fleet. Please report it with the lines above.`;
}

function program(end: { code: number }): Command {
  const top = new Command('orchestrate')
    .description(
      'Takes a Django project from one release to the next over many Gunicorn hosts behind Nginx, without one failed request.',
    )
    .version(version)
    .option('-i, --inventory <file>', 'the inventory (default: $ORCHESTRATE_INVENTORY, else ./inventory.yaml)')
    .option('--server <url>', 'let a service do it (default: $ORCHESTRATE_SERVER, else it is done from here)')
    .exitOverride()
    .configureOutput({ writeErr: (text) => void process.stderr.write(printable(text)) })
    .showSuggestionAfterError()
    .showHelpAfterError('(orchestrate --help lists the commands)');

  const does = doing(end);
  /** What every command that changes something takes. */
  const changing = (command: Command): Command =>
    command
      .option('--dry-run', 'print the plan and change nothing')
      .option('-y, --yes', 'do not ask')
      .addOption(
        new Option(
          '--adopt <balancer>',
          'where somebody changed the routing by hand: what this balancer routes now is made true on all',
        ).conflicts('overwrite'),
      )
      .option(
        '--overwrite',
        'where somebody changed the routing by hand: what the newest good record says is written on all',
      )
      .option('--wait <time>', "wait for another's lease, so long at the most: 30s, 10m")
      .option('--json', 'events as NDJSON')
      .option('-v, --verbose', 'also what the hosts print');
  const limited = (command: Command): Command =>
    command
      .option('--hosts <names>', 'only these backends: web1,web[3-4]')
      .option('--zone <zone>', 'only the backends of this zone');
  const without = (command: Command): Command =>
    command.option(
      '--without-balancer <names>',
      'leave out balancers that can not be reached and, by your word, take no traffic',
    );
  const overriding = (command: Command): Command =>
    command
      .option('--now', 'outside of the windows, or in a freeze, all the same; needs --reason')
      .option('--reason <text>', 'with --now: why; it is told, and kept in the history');
  const rolling = (command: Command): Command =>
    limited(command)
      .option('--ref <ref>', 'branch, tag or commit (default: build.ref)')
      .addOption(
        new Option('--batch <sizes>', 'hosts at once: 1, 25%, or 1,10%,50% (the last repeats)').argParser(batch),
      )
      .option('--allow-migration <names...>', 'migrations that are not additive and may run all the same: catalog.0007')
      .addOption(
        new Option(
          '--linger <time>',
          'two slots: how long the former release runs on, for an instant rollback (default: service.linger)',
        ).argParser(lasting),
      );

  overriding(without(changing(rolling(top.command('roll').description('take the fleet to a release, batch by batch')))))
    .addOption(new Option('--wait-window', 'wait here until a window is open, then roll').conflicts('now'))
    .action(does(async () => (await import('./roll.ts')).roll, orders('roll')));
  rolling(top.command('plan').description('print what a roll would do, host by host'))
    .option('--json', 'the plan as JSON')
    .action(
      does(
        async () => (await import('./plan.ts')).plan,
        (server, flags) => server.planThere(server.orderFrom('roll', flags), flags),
      ),
    );
  limited(top.command('status').description('what runs where, who is in rotation, what has drifted'))
    .option('--json', 'as JSON')
    .action(does(async () => (await import('./status.ts')).status, reads('status')));
  without(
    changing(
      limited(
        top
          .command('rollback')
          .argument('[release]', 'default: the newest release before the present one that every host has'),
      ).description('take the fleet back to an earlier release, as carefully as forward'),
    ),
  )
    .addOption(new Option('--batch <sizes>', 'hosts at once').argParser(batch))
    .option('--across-migration', 'also to a release from before a migration that is not additive')
    .action(
      does(
        async () => (await import('./rollback.ts')).rollback,
        orders('rollback', (release) => (release === undefined ? {} : { release })),
      ),
    );
  overriding(
    changing(
      top
        .command('resume')
        .description('go on with what was begun and not finished, whoever began it, from whatever machine'),
    ),
  ).action(does(async () => (await import('./resume.ts')).resume, orders('resume')));
  changing(
    top
      .command('lease')
      .addArgument(new Argument('[action]', 'break: take it over, and fence its holder off').choices(['break']))
      .description('who holds the fleet, and until when'),
  ).action(does(async () => (await import('./lease.ts')).lease));
  limited(
    changing(
      top
        .command('linger')
        .addArgument(new Argument('<action>', 'stop: end what lingers now').choices(['stop']))
        .description('the former release on the slots that do not serve'),
    ),
  ).action(does(async () => (await import('./linger.ts')).linger, orders('linger stop')));
  const watched = (command: Command): Command => overriding(changing(command));
  const canary = watched(
    top
      .command('canary')
      .addArgument(new Argument('[share]', 'of the users: 10% (default: canary.share)').argParser(canaryShare))
      .description('let some of the users meet a release, judge it by what they meet, and say why'),
  )
    .option('--ref <ref>', 'branch, tag or commit (default: build.ref)')
    .addOption(
      new Option(
        '--hold <time>',
        'how long a share is judged before it counts as good (default: canary.hold)',
      ).argParser(lasting),
    )
    .addOption(
      new Option('--steps <shares>', 'climbs by itself, each share judged: 1%,10%,50%')
        .argParser(shares)
        .conflicts('share'),
    )
    .addOption(
      new Option('--promote <how>', 'what becomes of one that is found good (default: canary.promote)').choices([
        'ask',
        'auto',
      ]),
    )
    .option('--detach', 'begin it and leave: a service watches it (--server), or nobody (canary.unwatched: keep)')
    .option('--hosts <names>', 'backends with one slot each: these serve it (default: as many as the share needs)')
    .action(
      does(
        async () => (await import('./canary.ts')).canary,
        orders('canary', (wanted) => (wanted === undefined ? {} : { share: wanted })),
      ),
    );
  canary
    .command('status')
    .description('where it has come to; exit 0 PASS so far, 1 FAIL, 5 UNDECIDED, 6 NO-DATA')
    .option('--json', 'as JSON')
    .action(does(async () => (await import('./canary.ts')).canaryStatus));
  watched(canary.command('watch').description('go on watching it, from whatever machine')).action(
    does(async () => (await import('./canary.ts')).canaryWatch),
  );
  changing(
    canary
      .command('share')
      .addArgument(new Argument('<share>', 'of the users: 25%').argParser(canaryShare))
      .description('give it another share; who was in stays in'),
  ).action(
    does(
      async () => (await import('./canary.ts')).canaryShare,
      orders('canary share', (wanted) => ({ share: wanted })),
    ),
  );
  changing(canary.command('pause').description('everybody to the other release, for a while')).action(
    does(async () => (await import('./canary.ts')).canaryPause, orders('canary pause')),
  );
  watched(canary.command('continue').description('the share of before the pause, watched')).action(
    does(async () => (await import('./canary.ts')).canaryContinue, orders('canary continue')),
  );
  watched(canary.command('promote').description('everybody over to it')).action(
    does(async () => (await import('./canary.ts')).canaryPromote, orders('canary promote')),
  );
  changing(canary.command('abort').description('everybody back, with one flip')).action(
    does(async () => (await import('./canary.ts')).canaryAbort, orders('canary abort')),
  );
  canary
    .command('report')
    .description('both releases in numbers, and the evidence: of the canary that lives, or of the last one')
    .option('--html <file>', 'also as a page with charts')
    .option('--json', 'as JSON')
    .action(does(async () => (await import('./canary.ts')).canaryReport));
  const ab = overriding(
    changing(top.command('ab').description('two releases side by side as equals, each user on one side, until a time')),
  )
    .option('--a <ref>', 'side A: what serves, where it is to be made sure')
    .option('--b <ref>', 'side B: branch, tag or commit')
    .addOption(new Option('--share <share>', 'of the users, on side B').argParser(canaryShare).default(50, '50%'))
    .option('--until <time>', 'its end: 2026-12-01T06:00')
    .addOption(
      new Option('--then <side>', 'what everybody meets after it, though nobody is there')
        .choices(['a', 'b', 'ask'])
        .default('ask'),
    )
    .option('--name <name>', 'what chooses who is on which side, the same for the same name (default: the commit)')
    .option('--hosts <names>', 'backends with one slot each: these serve B (default: as many as the share needs)')
    .action(does(async () => (await import('./ab.ts')).ab, orders('ab')));
  ab.command('status')
    .description('what stands side by side, until when, and whether it ends by itself')
    .option('--json', 'as JSON')
    .action(does(async () => (await import('./ab.ts')).abStatus));
  ab.command('report')
    .description('both sides in numbers: of the window that is open, or of the last one')
    .option('--json', 'as JSON')
    .action(does(async () => (await import('./ab.ts')).abReport));
  overriding(changing(ab.command('end').description('everybody to one side, now'))).action(
    does(async () => (await import('./ab.ts')).abEnd, orders('ab end')),
  );
  top
    .command('releases')
    .description('the releases on each host')
    .option('--json', 'as JSON')
    .action(does(async () => (await import('./releases.ts')).releases, reads('releases')));
  const history = top
    .command('history')
    .description('what was done to the fleet: when, who, how it ended')
    .option('--json', 'as JSON')
    .addOption(new Option('--limit <commands>', 'the newest so many').argParser(whole).default(20))
    .action(does(async () => (await import('./history.ts')).history, reads('history')));
  history
    .command('show')
    .argument('<number>', 'of `orchestrate history`', whole)
    .description('one command, step by step, also one that died')
    .option('--json', 'as JSON')
    .action(does(async () => (await import('./history.ts')).historyShow));
  changing(top.command('prune').description('remove releases beyond release.keep, and what only they needed')).action(
    does(async () => (await import('./prune.ts')).prune, orders('prune')),
  );
  without(
    changing(
      top
        .command('drain')
        .argument('<hosts...>', 'backends')
        .description('take backends out of rotation and wait until no request is left there'),
    ),
  )
    .option('--reason <text>', 'why, for those who look later')
    .action(
      does(
        async () => (await import('./drain.ts')).drain,
        orders('drain', (names) => ({ names })),
      ),
    );
  without(
    changing(
      top
        .command('enable')
        .argument('<hosts...>', 'backends')
        .description('put backends back into rotation once they are healthy'),
    ),
  ).action(
    does(
      async () => (await import('./enable.ts')).enable,
      orders('enable', (names) => ({ names })),
    ),
  );
  top
    .command('windows')
    .description('when a roll may start in the next 14 days, and which freezes there are')
    .option('--json', 'as JSON')
    .action(does(async () => (await import('./windows.ts')).windows, reads('windows')));
  top
    .command('check')
    .description('test every right, path and setting that a roll will need; changes nothing')
    .option('--json', 'as JSON')
    .action(does(async () => (await import('./check.ts')).check));
  top
    .command('init')
    .description('write an inventory, and print the lines that Nginx, supervisor and sudoers need')
    .option('--app <name>', "the application's name")
    .option('--balancers <hosts>', 'lb1=10.0.0.10,lb2=10.0.0.9')
    .option('--backends <hosts>', 'web[1-3]=10.0.0.[11-13]')
    .option('--host <name>', "the site's name, as in the Host header")
    .option('--user <name>', 'the ssh user')
    .addOption(
      new Option(
        '--configuration <kind>',
        "who writes Nginx's upstreams: orchestrate with sudo for two commands, or an administrator (default: managed)",
      ).choices(['managed', 'fixed']),
    )
    .addOption(
      new Option('--print <what>', 'only print one text for the inventory that is there').choices([
        'steps',
        'upstream',
        'site',
        'sudoers',
        'run-slot',
        'supervisor',
        'systemd',
        'tmpfiles',
      ]),
    )
    .option('--on <host>', 'with --print: for which backend, where they differ (default: the first)')
    .option('--force', 'overwrite an inventory that is there')
    .action(does(async () => (await import('./init.ts')).init, 'here'));
  top
    .command('verdict')
    .description('judge a recorded canary: exit 0 PASS, 1 FAIL, 5 UNDECIDED, 6 NO-DATA')
    .requiredOption('--windows <file>', 'what both arms did, one JSON object a window; - is standard input')
    .option(
      '--restarts',
      'begin fresh evidence every 5 minutes, as a live canary does: a late regression is found sooner',
    )
    .addOption(
      new Option('--false-alarms <share>', 'the chance that a good release FAILs, however often one looks')
        .argParser(share)
        .default(0.01, '1%'),
    )
    .addOption(
      new Option('--max-error-rate <share>', 'a release that errs so often does not PASS')
        .argParser(share)
        .default(0.01, '1%'),
    )
    .option('--json', 'one JSON object for each window')
    .action(does(async () => (await import('./verdict.ts')).verdict, 'here'));
  serviceCommands(top, does, { rolling, version });
  top
    .command('schema')
    .description("print the inventory's JSON Schema, for editors")
    .action(does(async () => (await import('./schema.ts')).schema, 'here'));
  return top;
}
