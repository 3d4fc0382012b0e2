import type { Duplex } from 'node:stream';
import type { Host } from '../core/inventory.ts';
import type { Outcome } from '../core/outcome.ts';
import { ConnectError } from './ports.ts';
import type { Remote, RemoteCall } from './ports.ts';
import { resolveSsh } from './ssh-config.ts';
import type { SshEnd, SshEnvironment } from './ssh-config.ts';
import { Command, leaveStreams, NoSession } from './ssh/command.ts';
import { connect } from './ssh/connect.ts';
import { Keys } from './ssh/keys.ts';
import { parseKnownHosts } from './ssh/known-hosts.ts';
import type { KnownHost } from './ssh/known-hosts.ts';
import { Link } from './ssh/link.ts';
import { linkLost, noSession, unreadable } from './ssh/refusal.ts';
import { Turns } from './ssh/turns.ts';

export interface RemoteOptions {
  /** Connections being opened at once. */
  readonly concurrency: number;
  readonly environment: SshEnvironment;
  /** Path of ssh-agent's socket; default: SSH_AUTH_SOCK's. `false`: no agent. */
  readonly agent?: string | false;
}

/**
 * The hosts of an inventory over SSH: one connection a host for the whole run, made when it is first needed and again after it was lost.
 * Jump hosts' connections are shared by all that lie behind them.
 */
export function openSsh(hosts: readonly Host[], options: RemoteOptions): Remote {
  return new Ssh(hosts, options);
}

class Ssh implements Remote {
  readonly #hosts: ReadonlyMap<string, Host>;
  readonly #environment: SshEnvironment;
  readonly #keys: Keys;
  readonly #opening: Turns;
  /** Each known_hosts file, read once. */
  readonly #known = new Map<string, readonly KnownHost[]>();
  /** Links that are there or being made; whatever has failed or gone is not in it. */
  readonly #links = new Map<string, Promise<Link>>();
  readonly #closing = new AbortController();

  constructor(
    hosts: readonly Host[],
    { concurrency, environment, agent = process.env['SSH_AUTH_SOCK'] ?? false }: RemoteOptions,
  ) {
    this.#hosts = new Map(hosts.map((host) => [host.name, host]));
    this.#environment = environment;
    this.#keys = new Keys(environment, agent === false || agent === '' ? undefined : agent);
    this.#opening = new Turns(concurrency);
  }

  async run(call: RemoteCall): Promise<Outcome> {
    try {
      return await this.#run(call);
    } catch (error) {
      leaveStreams(call, error);
      throw error;
    }
  }

  async #run(call: RemoteCall): Promise<Outcome> {
    for (let fresh = false; ;) {
      const link = await this.#link(call.host);
      const giveUp = await link.sessions.take(call.urgent);
      try {
        // It may have gone while this call waited for its turn.
        if (link.lost === undefined) return await new Command(link, call).run();
      } catch (error) {
        if (!(error instanceof NoSession)) throw error;
        if (link.lost !== undefined) throw linkLost(call.host, link.lost);
        const others = link.sessions.taken - 1;
        if (others > 0) {
          // The host allows fewer than was thought; one of ours has to end first.
          link.sessions.lower(others);
        } else if (fresh) {
          throw noSession(call.host, error.message);
        } else {
          // Commands past their deadline may hold all of its sessions: a new connection has its own.
          link.destroy('the host opened no session');
          fresh = true;
        }
      } finally {
        giveUp();
      }
    }
  }

  async tunnel(host: string, address: string, port: number): Promise<Duplex> {
    const link = await this.#link(host);
    try {
      return await link.forward(address, port);
    } catch (error) {
      throw new Error(`${host}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error('the connections are being closed'));
    await this.disconnect();
  }

  async disconnect(): Promise<void> {
    const links = await Promise.allSettled(this.#links.values());
    const there = links.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    // Hosts before the jump hosts that lead to them.
    for (const over of [true, false]) {
      await Promise.all(there.filter((link) => link.leadsOn !== over).map((link) => link.close()));
    }
  }

  async #link(name: string): Promise<Link> {
    this.#closing.signal.throwIfAborted();
    const host = this.#hosts.get(name);
    if (host === undefined) throw new Error(`no host ${name} in the inventory`);
    const { jump = [], ...end } = resolveSsh(host, this.#environment);
    let over: Link | undefined;
    let path = '';
    try {
      for (const hop of jump) {
        path += ` via ${hop.user}@${hop.address}:${hop.port}`;
        over = await this.#shared(path, () => this.#open(host, hop, true, over));
        over.leadsOn = true;
      }
      return await this.#shared(name, () => this.#open(host, end, false, over));
    } catch (error) {
      // A jump host's failure is shared by all behind it; each tells it as its own.
      if (!(error instanceof ConnectError) || error.host === name) throw error;
      throw new ConnectError(name, error.reason, `${name}: ${error.message}`, error.remedy);
    }
  }

  #shared(key: string, open: () => Promise<Link>): Promise<Link> {
    const seen = this.#links.get(key);
    if (seen !== undefined) return seen;
    const link = open();
    const forget = (): void => {
      if (this.#links.get(key) === link) this.#links.delete(key);
    };
    this.#links.set(key, link);
    link.then((it) => it.whenLost(forget), forget);
    return link;
  }

  async #open(host: Host, end: SshEnd, jump: boolean, over: Link | undefined): Promise<Link> {
    const giveUp = await this.#opening.take();
    try {
      const { connect_timeout: timeout, keepalive } = host.ssh;
      const way = { host: host.name, end, jump, timeout, keepalive, signal: this.#closing.signal };
      const login = this.#keys.loginFor(end);
      const known = end.knownHosts.flatMap((file) => this.#knownIn(file, host.name));
      return new Link(await connect({ ...way, login, known, ...(over === undefined ? {} : { over }) }));
    } finally {
      giveUp();
    }
  }

  #knownIn(file: string, host: string): readonly KnownHost[] {
    let known = this.#known.get(file);
    if (known === undefined) {
      try {
        known = parseKnownHosts(this.#environment.readFile(file) ?? '', file);
      } catch (error) {
        throw unreadable(host, file, error);
      }
      this.#known.set(file, known);
    }
    return known;
  }
}
