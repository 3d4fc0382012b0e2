import { homedir } from 'node:os';
import { join } from 'node:path';

/** What this user's machine keeps to be faster, and what may be removed at any time. Sources are among it: whoever makes it, makes it 0700. */
export const cacheFolder = (): string =>
  join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'orchestrate');
