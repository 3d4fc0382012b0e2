import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { Duplex, type Readable } from 'node:stream';
import { LOCAL } from '../core/builder.ts';
import type { Outcome } from '../core/outcome.ts';
import { ConnectError, type Remote, type RemoteCall } from './ports.ts';
import { Command, leaveStreams, NoSession, type Channel, type Exec } from './ssh/command.ts';

/** The hosts of an inventory, and this machine as one of them: it builds. The same scripts run here, without ssh. */
export function besideSsh(ssh: Remote): Remote {
  return {
    run: (call) => (call.host === LOCAL ? runLocally(call) : ssh.run(call)),
    // Nothing that it builds is asked through it: what is rehearsed there is asked by the script.
    tunnel: (host, address, port) => ssh.tunnel(host, address, port),
    disconnect: () => ssh.disconnect(),
    close: () => ssh.close(),
  };
}

async function runLocally(call: RemoteCall): Promise<Outcome> {
  try {
    return await new Command(here, call).run();
  } catch (error) {
    leaveStreams(call, error);
    if (error instanceof NoSession)
      throw new ConnectError(LOCAL, 'unreachable', `local: no process could be started here: ${error.message}`, HINT);
    throw error;
  }
}

const HINT = 'See that this machine has memory and processes left.';

/** This machine in the place of a connection: it is never lost. */
const here: Exec = {
  lost: undefined,
  whenLost: () => () => {},
  destroy: () => {},
  exec: (line, done) => {
    // A group of its own, as sshd gives each command: Ctrl-C on this terminal is not its end.
    const child = spawn('/bin/sh', ['-c', line], { cwd: '/', env: plainEnvironment(), detached: true, stdio: 'pipe' });
    // What it fails by comes as an event, too late to be of use.
    child.on('error', () => {});
    if (child.pid === undefined) throw new Error('/bin/sh did not start');
    done(undefined, new LocalChannel(child));
  },
};

/**
 * Of the operator's variables only those that a login on a host would have, and what pip needs to come to an index: nothing secret is given
 * to a build that the fleet's own environment file does not name, and an activated virtual environment does not get in its way.
 */
function plainEnvironment(): NodeJS.ProcessEnv {
  const kept = /^(PATH|HOME|USER|LOGNAME|SHELL|LANG|TMPDIR|SSH_AUTH_SOCK|PIP_\w+|(https?|no|all)_proxy)$/i;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => kept.test(name)));
}

/** A child process as a channel of ssh: its standard input and output as one stream, standard error beside it, then `exit` and `close`. */
class LocalChannel extends Duplex implements Channel {
  readonly stderr: Readable;
  readonly #child: ChildProcessWithoutNullStreams;

  constructor(child: ChildProcessWithoutNullStreams) {
    super({ autoDestroy: false, emitClose: false });
    const { stdin, stdout, stderr } = child;
    this.#child = child;
    this.stderr = stderr;
    // It may end without having read what it was given: its status tells.
    stdin.on('error', () => {});
    stdout.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) stdout.pause();
    });
    stdout.on('end', () => this.push(null));
    stdout.on('error', () => this.push(null));
    child.once('exit', (code, signal) => this.emit('exit', code, signal ?? undefined));
    child.once('close', () => {
      const closed = (): boolean => this.emit('close');
      if (this.readableEnded) closed();
      else this.once('end', closed);
    });
  }

  override _read(): void {
    this.#child.stdout.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    // The callback comes, with an error, also where nobody reads any more.
    this.#child.stdin.write(chunk, () => done());
  }

  override _final(done: () => void): void {
    this.#child.stdin.end(() => done());
  }

  signal(name: string): void {
    const { pid } = this.#child;
    if (pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    try {
      process.kill(-pid, `SIG${name}`);
    } catch {
      // All of it has ended.
    }
  }

  /** As sshd does: no end is put to it, but nobody writes to it or reads from it any more. */
  close(): void {
    this.#child.stdin.destroy();
    this.#child.stdout.destroy();
    this.stderr.destroy();
  }
}
