import { createInterface } from 'node:readline/promises';

/** A person's yes to what stands above; Enter, Ctrl-C and Ctrl-D are a no, which is said. */
export async function goOn(): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  let yes = false;
  try {
    yes = /^(y|yes)$/i.test((await terminal.question('Go on? [y/N] ')).trim());
  } catch (error) {
    if (!(error instanceof Error && error.name === 'AbortError')) throw error;
    process.stdout.write('\n');
  } finally {
    terminal.close();
  }
  if (!yes) process.stdout.write('Nothing was changed.\n');
  return yes;
}
