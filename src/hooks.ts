import type { Beginning, EventBody } from './core/event.ts';
import { ending, Refusal, tail } from './core/failure.ts';
import { hookEnvironment, type HookName, type HookTold } from './core/hook-environment.ts';
import { HERE } from './core/checks.ts';
import type { Inventory } from './core/inventory.ts';
import type { Moment } from './core/moments.ts';
import { succeeded, type Outcome } from './core/outcome.ts';
import { runHere } from './fleet/here.ts';
import { signalExit } from './summary.ts';

export interface HookOptions {
  readonly hooks: Inventory['hooks'];
  /** Names of the inventory's backends. */
  readonly backends: readonly string[];
  /** Where commands are run: the inventory's folder. */
  readonly folder: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly emit: (event: EventBody) => void;
  /** Aborted when a person asks to stop. */
  readonly stop: AbortSignal;
}

/**
 * The inventory's commands on this machine. `before_roll` is waited for and may refuse; the others run beside the roll, one after the
 * other, and what fails among them is told and changes nothing. They are for commands that switch releases: a drain has none.
 * Whoever was told `before_roll` is told `after_roll` or `on_failure` in the end, whatever happens, unless this program is killed.
 */
export class Hooks {
  readonly #options: HookOptions;
  /** Told `before_roll`, and no end yet. */
  #open: Beginning | undefined;
  #exit = 3;
  #work: Promise<void> = Promise.resolve();

  constructor(options: HookOptions) {
    this.#options = options;
  }

  /** Rejects with `Refusal` when one of the commands fails: exit 3, or as a signal's when a person asked to stop. */
  async before(beginning: Beginning): Promise<void> {
    if (beginning.to === undefined) return;
    this.#open = beginning;
    for (const command of this.#options.hooks.before_roll) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other: the first that fails ends it
      const outcome = await this.#run('before_roll', command, beginning, {}, this.#options.stop);
      if (succeeded(outcome)) continue;
      const { stop } = this.#options;
      this.#exit = stop.aborted ? signalExit(stop) : 3;
      throw new Refusal(
        this.#exit,
        `hooks.before_roll: \`${command}\` ${ending(outcome)}: \`${beginning.command}\` was not begun, and nothing was changed.`,
        'Mend what it says above, or the hook in the inventory; then run the same command again.',
        tail(outcome.stdout),
      );
    }
  }

  tell(moment: Moment): void {
    const { beginning } = moment;
    if (beginning.to === undefined) return;
    if (moment.kind === 'started') {
      this.#open = beginning;
      this.#exit = 1;
    }
    if (moment.kind === 'batch') this.#later('after_batch', beginning, { batch: moment });
    if (moment.kind !== 'finished') return;
    const { exit, failure } = moment;
    this.#open = undefined;
    if (exit === 0) this.#later('after_roll', beginning, { exit });
    else this.#later('on_failure', beginning, { exit, ...(failure === undefined ? {} : { failedHost: failure.host }) });
  }

  /** Waits for all that is still to be run; each command has its deadline. Does not reject. */
  async end(): Promise<void> {
    if (this.#open !== undefined) this.#later('on_failure', this.#open, { exit: this.#exit });
    this.#open = undefined;
    await this.#work;
  }

  #later(hook: Exclude<HookName, 'before_roll'>, beginning: Beginning, told: HookTold): void {
    for (const command of this.#options.hooks[hook])
      this.#work = this.#runAfter(this.#work, hook, command, beginning, told);
  }

  async #runAfter(
    before: Promise<void>,
    hook: HookName,
    command: string,
    beginning: Beginning,
    told: HookTold,
  ): Promise<void> {
    await before;
    const outcome = await this.#run(hook, command, beginning, told);
    if (succeeded(outcome)) return;
    const said = tail(outcome.stdout, 3).join(' · ');
    this.#options.emit({
      type: 'note',
      text: `hooks.${hook}: \`${command}\` ${ending(outcome)}${said === '' ? '' : `: ${said}`}`,
    });
  }

  #run(hook: HookName, command: string, beginning: Beginning, told: HookTold, stop?: AbortSignal): Promise<Outcome> {
    const { hooks, backends, folder, environment, emit } = this.#options;
    return runHere({
      command,
      folder,
      environment: { ...environment, ...hookEnvironment(hook, beginning, told, backends) },
      deadline: hooks.deadline,
      ...(stop === undefined ? {} : { stop }),
      onLine: (line) => emit({ type: 'output', host: HERE, line }),
    });
  }
}
