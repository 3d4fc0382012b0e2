import type { Event } from '../core/event.ts';

/** What is under way, for whoever leaves without waiting for it. */
export class InFlight {
  readonly #steps = new Map<string, string>();
  #held = false;

  tell(event: Event): void {
    if (event.type === 'began') this.#held = true;
    if (event.type === 'finished') this.#held = false;
    if (event.type !== 'step') return;
    const key = `${event.host}\n${event.say}`;
    if (event.state === 'started') this.#steps.set(key, `${event.host}: ${event.say}`);
    else this.#steps.delete(key);
  }

  /** What can't be known once this program has gone, and how to go on. */
  farewell(): string[] {
    const steps = [...this.#steps.values()];
    if (!this.#held) return ['Left at once; nothing was changed.'];
    return [
      'Left at once.',
      ...(steps.length === 0
        ? ['No step was under way.']
        : ['What has become of these is not known:', ...steps.map((line) => `  ${line}`)]),
      'The lease ends by itself within 30 s. `orchestrate status` tells what is so; `orchestrate resume` goes on, `orchestrate rollback` goes back.',
    ];
  }
}
