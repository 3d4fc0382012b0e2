import { execFile } from 'node:child_process';

/** git said no; `stderr` is its own words. */
export class GitError extends Error {
  readonly stderr: string;
  constructor(args: readonly string[], stderr: string) {
    super(`git ${args[0] ?? ''}: ${stderr.trim() || 'failed'}`);
    this.name = 'GitError';
    this.stderr = stderr;
  }
}

/** The environment git runs in: no questions, plain English, and not the repository of a hook that we may run in. */
export function gitEnvironment(): NodeJS.ProcessEnv {
  const { GIT_DIR: _1, GIT_WORK_TREE: _2, GIT_INDEX_FILE: _3, GIT_PREFIX: _4, ...rest } = process.env;
  return { ...rest, GIT_TERMINAL_PROMPT: '0', GIT_OPTIONAL_LOCKS: '0', LC_ALL: 'C' };
}

/** Runs git in a folder and gives its standard output as text. Rejects with `GitError`. */
export async function git(folder: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      'git',
      ['-C', folder, ...args],
      { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024, env: gitEnvironment() },
      (error, stdout, stderr) => {
        if (error === null) return resolve(stdout);
        reject(new GitError(args, error.code === 'ENOENT' ? 'git is not installed on this machine' : stderr));
      },
    );
  });
}
