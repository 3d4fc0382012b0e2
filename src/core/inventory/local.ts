import { dirname, isAbsolute, join } from 'node:path';

/** What local paths in an inventory mean, whose file lies at `file`. */
export interface Local {
  /** `~` is the user's home. A relative path stays as it is. */
  readonly home: (path: string) => string;
  /** The same, and a relative path starts at the inventory's folder. */
  readonly path: (path: string) => string;
}

export function localTo(file: string, userHome: string): Local {
  const home = (path: string): string => (path === '~' || path.startsWith('~/') ? join(userHome, path.slice(1)) : path);
  return {
    home,
    path: (path) => (isAbsolute(home(path)) ? home(path) : join(dirname(file), path)),
  };
}
