import { must } from '../test/fleet/hosts/shell.ts';
import type { Project } from '../test/fleet/project/make-project.ts';

/**
 * Commits to roll, v3's tree and v2's in turn: code alone differs. Each is a commit that no host has seen, so that everybody has to
 * stage it anew each time.
 */
export async function* commits(
  project: Project,
): AsyncGenerator<{ readonly ref: string; readonly release: 'v2' | 'v3' }, never> {
  for (let number = 1; ; number += 1) {
    const release = number % 2 === 1 ? 'v3' : 'v2';
    const author = ['-c', 'user.name=The Shop', '-c', 'user.email=shop@example.com'];
    const git = (...args: string[]): Promise<string> => must('git', ['-C', project.folder, ...author, ...args]);
    const commit = (
      await git(
        'commit-tree',
        `${project.commits[release]}^{tree}`,
        '-p',
        project.commits[release],
        '-m',
        `Roll ${number}`,
      )
    ).trim();
    await git('branch', `bench-${number}`, commit);
    yield { ref: `bench-${number}`, release };
  }
}
