import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Beginning, Event } from './core/event.ts';
import { Moments } from './core/moments.ts';
import { openPost } from './fleet/post.ts';
import { Hooks } from './hooks.ts';
import type { Opened } from './open.ts';
import { Journal } from './tell/journal.ts';
import { Webhooks } from './tell/webhooks.ts';

/** Milliseconds that are waited at the end for what is still to be sent. */
const WEBHOOKS = 10_000;
const JOURNAL = 5000;
/** Milliseconds of one sending to a balancer. */
const APPEND = 10_000;

/** What happens beside a command that changes something, and never holds it: the history on the balancers, webhooks, hooks. */
export interface Beside {
  /** For `change`: runs the hooks that may refuse. */
  readonly before: (beginning: Beginning) => Promise<void>;
  /** The listener. */
  readonly tell: (event: Event) => void;
  /** Waits for what is still to be done, a bounded time, and tells what was not. Does not reject. */
  readonly end: () => Promise<void>;
}

/** `stop`: aborted when a person asks to stop. */
export function openBeside(opened: Opened, stop: AbortSignal): Beside {
  const { inventory, remote, clock, emit } = opened;
  const journal = new Journal({
    balancers: inventory.balancers.map(({ name }) => name),
    append: (host, number, from, input) =>
      remote.run({
        host,
        name: 'orchestrate-journal',
        text: opened.script('journal'),
        args: [inventory.nginx.folder, number, String(from)],
        input,
        deadline: APPEND,
      }),
    ticks: () => clock.ticks(),
  });
  const { post, close } = openPost();
  const webhooks = new Webhooks(inventory.notify, { post, secret: secretIn });
  const hooks = new Hooks({
    hooks: inventory.hooks,
    backends: inventory.backends.map(({ name }) => name),
    folder: resolve(dirname(opened.file)),
    environment: environmentOf(opened.file),
    emit,
    stop,
  });
  const moments = new Moments();
  return {
    before: (beginning) => hooks.before(beginning),
    tell: (event) => {
      journal.tell(event);
      for (const moment of moments.tell(event)) {
        webhooks.tell(moment);
        hooks.tell(moment);
      }
    },
    end: async () => {
      await hooks.end();
      for (const text of await webhooks.end(WEBHOOKS)) emit({ type: 'note', text });
      for (const text of await journal.end(JOURNAL)) emit({ type: 'note', text });
      await close();
    },
  };
}

/** What a secret_file holds. Rejects where it can't be read. */
export async function secretIn(file: string): Promise<string> {
  try {
    const text = (await readFile(file, 'utf8')).trim();
    if (text !== '') return text;
  } catch {
    throw new Error(`its secret_file ${file} can't be read`);
  }
  throw new Error(`its secret_file ${file} is empty`);
}

/** What hooks of this command are told is all that they hear: a hook may itself have begun it. The inventory is the same for both. */
function environmentOf(file: string): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([key]) => !key.startsWith('ORCHESTRATE_'));
  return { ...Object.fromEntries(own), ORCHESTRATE_INVENTORY: resolve(file) };
}
