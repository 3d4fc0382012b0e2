import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { openFolder, openServer, type Database } from './database.ts';
import { lockFolder } from './folder-lock.ts';

/** Where a service keeps what it knows, and what ends its hold of it. */
export interface Held {
  readonly database: Database;
  readonly unlock: () => Promise<void>;
}

/** Opens a server's database, or the one in a folder, under its lock. Rejects with `Refusal` (exit 2) where neither can be used. */
export async function openHeld({
  data,
  database,
  say,
}: {
  readonly data: string;
  readonly database?: string;
  readonly say: (text: string) => void;
}): Promise<Held> {
  if (database !== undefined) return { database: await openServer(database), unlock: () => Promise.resolve() };
  const unlock = await lockFolder(data);
  try {
    return { database: await openFolder(data), unlock };
  } catch (error) {
    // What was kept beside it is all that is needed to go on. The files stay, for whoever wants to look.
    const aside = `store.broken-${Date.now()}`;
    say(
      `The database in ${data} can't be opened (${error instanceof Error ? error.message : String(error)}): it is moved to ${aside}, and a new one is made.`,
    );
    try {
      await rename(join(data, 'store'), join(data, aside));
      return { database: await openFolder(data), unlock };
    } catch (again) {
      await unlock();
      throw again;
    }
  }
}
