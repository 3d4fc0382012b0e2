import type { EventBody } from '../src/core/event.ts';
import type { Inventory } from '../src/core/inventory.ts';
import type { Opened } from '../src/open.ts';
import { OutTimes } from '../src/tell/out-times.ts';
import { fakeClock } from './fleet/fake-clock.ts';
import { answered, fakeProbe } from './fleet/fake-probe.ts';
import { exited, fakeRemote } from './fleet/fake-remote.ts';

export interface Scene {
  readonly opened: Opened;
  readonly events: EventBody[];
  /** `host script args`, in order; a script's text is its name. */
  readonly calls: string[];
}

/** An inventory opened with fakes for doors: every script ends well, every question is answered with 200, time passes at once. */
export function openedWith(inventory: Inventory, more: Partial<Opened> = {}): Scene {
  const events: EventBody[] = [];
  const calls: string[] = [];
  const remote = more.remote ?? fakeRemote(() => exited());
  const opened: Opened = {
    inventory,
    file: 'inventory.yaml',
    doubts: [],
    probe: fakeProbe(() => answered()),
    clock: fakeClock({ auto: true }),
    emit: (event) => events.push(event),
    script: (name) => name,
    configuration: () => 'the configuration',
    source: () => Promise.reject(new Error('no source in this test')),
    archive: () => Promise.reject(new Error('no source in this test')),
    outTimes: new OutTimes(() => 0),
    by: 'bob@laptop',
    close: () => Promise.resolve(),
    ...more,
    remote: {
      ...remote,
      run: (call) => {
        // Looking sends whole scripts; its name tells which.
        const script = call.name.replace('orchestrate-', '');
        calls.push(`${call.host} ${script}${call.args.map((arg) => ` ${arg}`).join('')}`);
        return remote.run(call);
      },
    },
  };
  return { opened, events, calls };
}
