import { Readable } from 'node:stream';
import type { EventBody } from '../../src/core/event.ts';
import { NO_EVIDENCE } from '../../src/core/verdict/ratio.ts';
import type { StepContext } from '../../src/steps/context.ts';
import { fakeClock } from '../fleet/fake-clock.ts';
import { answered, fakeProbe } from '../fleet/fake-probe.ts';
import { exited, fakeRemote } from '../fleet/fake-remote.ts';

export interface Told {
  readonly context: StepContext;
  readonly events: EventBody[];
  /** `host script args`, in order. */
  readonly calls: string[];
}

/** A context of fakes: every script ends well, every question is answered with 200, time passes at once. A script's text is its name. */
export function contextOf(more: Partial<StepContext> = {}): Told {
  const events: EventBody[] = [];
  const calls: string[] = [];
  let sequence = 0;
  const remote = more.remote ?? fakeRemote(() => exited());
  const context: StepContext = {
    probe: fakeProbe(() => answered()),
    clock: fakeClock({ auto: true }),
    emit: (event) => events.push(event),
    script: (name) => name,
    archive: () => Promise.resolve(Readable.from(['the commit'])),
    fence: (folder) => [folder, '4', String((sequence += 1)), 'me'],
    lapsed: () => undefined,
    times: new Map(),
    values: new Map(),
    stop: new AbortController().signal,
    bake: { evidence: NO_EVIDENCE, at: new Map() },
    counts: { reloads: 0 },
    ...more,
    remote: {
      ...remote,
      run: (call) => {
        calls.push(`${call.host} ${call.text}${call.args.map((arg) => ` ${arg}`).join('')}`);
        return remote.run(call);
      },
    },
  };
  return { context, events, calls };
}
