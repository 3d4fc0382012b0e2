import { homedir } from 'node:os';
import { join } from 'node:path';

/** What this user's machine keeps only to be faster: it may be removed at any time. */
export const cacheFolder = (): string =>
  join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'orchestrate');
