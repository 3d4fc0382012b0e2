import { Readable } from 'node:stream';
import { change, type Change, type ChangeOptions } from '../../src/change.ts';
import type { FleetView } from '../../src/core/fleet.ts';
import { Refusal } from '../../src/core/failure.ts';
import type { EventBody } from '../../src/core/event.ts';
import { digestIn } from './hosts.ts';
import { generationName } from '../../src/core/planning/generation-steps.ts';
import { serverAddress } from '../../src/core/routing/address.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import { ConnectError, type ProbeAnswer, type ProbeRequest, type RemoteCall } from '../../src/fleet/ports.ts';
import type { Source } from '../../src/fleet/source.ts';
import type { Opened } from '../../src/open.ts';
import { OutTimes } from '../../src/tell/out-times.ts';
import { REQUIREMENTS, type Called, type SimFleet } from './fleet.ts';
import type { Exit, Run } from './machine.ts';
import { Here } from './scripts/here.ts';
import { packed } from './scripts/staging.ts';
import { scripts } from './scripts.ts';

/** Milliseconds until it is noticed that nothing comes over a wire any more, and until connecting is given up. */
const SILENCE = 20_000;
const CONNECTING = 10_000;

export type Ending =
  | { readonly kind: 'exit'; readonly exit: number }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | { readonly kind: 'error'; readonly error: unknown }
  | { readonly kind: 'killed' };

/** A command, and what was looked at to find it. */
export interface Begun {
  readonly change: Change;
  readonly seen?: FleetView;
}

/** What happens to one call. */
export interface Accident {
  /** The link is lost before the call is sent, after its script has ended, or while it runs, which then goes on for `stall` longer. */
  readonly link?: { readonly when: 'before' | 'after' | 'during'; readonly stall: number };
}

/** A call that waits for its end. */
interface Open {
  readonly host: string;
  readonly lost: (reason: string) => void;
}

/** Somebody on a machine of their own who runs the program on a simulated fleet. May be stopped, continued and killed like any process. */
export class Operator {
  readonly name: string;
  readonly fleet: SimFleet;
  readonly events: EventBody[] = [];
  readonly opened: Opened;
  ending: Ending | undefined;
  /** Asked before each call, which it may make go wrong. */
  onCall: (call: RemoteCall) => Accident = () => ({});
  readonly #stop = new AbortController();
  readonly #open = new Set<Open>();
  #stopped = false;
  #backlog: (() => void)[] = [];

  constructor(fleet: SimFleet, name: string) {
    this.fleet = fleet;
    this.name = name;
    const { inventory, time } = fleet;
    this.opened = {
      inventory,
      file: 'inventory.yaml',
      doubts: [],
      remote: {
        run: (call) => this.#run(call),
        tunnel: () => Promise.reject(new Error('the simulation has no tunnels')),
        disconnect: () => Promise.resolve(),
        close: () => Promise.resolve(),
      },
      probe: { ask: (request) => this.#ask(request) },
      clock: {
        now: () => fleet.now,
        zone: () => 'UTC',
        ticks: () => time.now,
        sleep: (ms, signal) => this.#sleep(ms, signal),
        every: (ms, work) => this.#every(ms, work),
      },
      emit: (event) => this.events.push(event),
      script: (name_) => name_,
      configuration: fleet.configuration,
      source: () => Promise.resolve(source),
      archive: (commit) => Promise.resolve(Readable.from([Buffer.from(packed('source', commit))])),
      outTimes: new OutTimes(() => time.now),
      by: `${name}@desk`,
      close: () => Promise.resolve(),
    };
  }

  /** Runs a verb as `--yes` does. */
  begin(verb: (opened: Opened) => Promise<Begun>, more: Partial<ChangeOptions> = {}): this {
    const options = { dryRun: false, yes: true, show: () => {}, stop: this.#stop.signal, ...more };
    const run = async (): Promise<number> => {
      const begun = await verb(this.opened);
      return change(this.opened, this.#twice(begun.change), options, begun.seen);
    };
    run().then(
      (exit) => this.#end({ kind: 'exit', exit }),
      (error: unknown) =>
        this.#end(error instanceof Refusal ? { kind: 'refused', refusal: error } : { kind: 'error', error }),
    );
    this.fleet.time.stir();
    return this;
  }

  /** Each plan is made twice: the same facts give the same bytes. */
  #twice(wanted: Change): Change {
    const { back } = wanted;
    const alike = <T>(what: string, make: () => T): T => {
      const made = make();
      if (JSON.stringify(make()) !== JSON.stringify(made)) this.fleet.never(`${what} differs though the facts do not`);
      return made;
    };
    return {
      ...wanted,
      plan: (...facts) => alike('the plan', () => wanted.plan(...facts)),
      ...(back === undefined ? {} : { back: (...facts) => alike('the way back', () => back(...facts)) }),
    };
  }

  #end(ending: Ending): void {
    this.ending ??= ending;
    if (ending.kind === 'error') {
      const { error } = ending;
      this.fleet.never(`a fault of the program: ${error instanceof Error ? error.stack : String(error)}`);
    }
  }

  /** Ctrl-C. */
  interrupt(signal: 'SIGINT' | 'SIGTERM' = 'SIGINT'): void {
    this.#stop.abort(signal);
    this.fleet.time.stir();
  }

  /** SIGKILL, or its machine's power: nothing of it goes on, and what it feeds ends. */
  kill(): void {
    if (this.ending !== undefined) return;
    this.ending = { kind: 'killed' };
    this.#backlog = [];
    for (const open of [...this.#open]) open.lost('killed');
  }

  /** SIGSTOP: hosts go on, and so does time. */
  stop(): void {
    this.#stopped = true;
  }

  /** SIGCONT */
  continue(): void {
    this.#stopped = false;
    for (const work of this.#backlog.splice(0)) this.#deliver(work);
  }

  /** Its connections to a host break. */
  cut(host: string, reason = 'connection reset'): void {
    for (const open of [...this.#open]) if (open.host === host) open.lost(reason);
  }

  /** Something reaches the program's process. */
  #deliver(work: () => void): void {
    if (this.ending?.kind === 'killed') return;
    if (this.#stopped) {
      this.#backlog.push(work);
      return;
    }
    work();
    this.fleet.time.stir();
  }

  #sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (): void => reject(signal?.reason instanceof Error ? signal.reason : new Error('stopped'));
      if (signal?.aborted === true) {
        fail();
        return;
      }
      this.fleet.time.after(ms, () => this.#deliver(resolve));
      signal?.addEventListener('abort', fail);
    });
  }

  /** As an interval of Node: what was missed is made up by one. */
  #every(ms: number, work: () => void): () => void {
    let over = false;
    let waits = false;
    const tick = (): void => {
      if (over || this.ending !== undefined) return;
      this.fleet.time.after(ms, tick);
      if (waits) return;
      waits = true;
      this.#deliver(() => {
        waits = false;
        if (!over) work();
      });
    };
    this.fleet.time.after(ms, tick);
    return () => (over = true);
  }

  #run(call: RemoteCall): Promise<Outcome> {
    if (this.ending?.kind === 'killed') return new Promise(() => {});
    const accident = this.onCall(call);
    // It may have been killed just now, before the call was sent.
    if (this.ending !== undefined) return new Promise(() => {});
    return new Promise((resolve, reject) => new Call(this, call, accident, resolve, reject).begin());
  }

  async #ask(request: ProbeRequest): Promise<ProbeAnswer> {
    return new Promise((resolve) => {
      const machine = request.through === undefined ? undefined : this.fleet.machine(request.through);
      const answer = (): void => {
        const told = machine?.reachable === false ? undefined : this.#answer(request);
        if (told !== undefined) {
          this.#deliver(() => resolve(told));
          return;
        }
        this.fleet.time.after(request.timeout, () =>
          this.#deliver(() => resolve({ kind: 'no answer', reason: `nothing came within ${request.timeout} ms` })),
        );
      };
      this.fleet.time.after(2, answer);
    });
  }

  /** undefined: nobody says anything. */
  #answer({ through = '', address, port, path }: ProbeRequest): ProbeAnswer | undefined {
    const { fleet } = this;
    const { inventory } = fleet;
    const refused: ProbeAnswer = { kind: 'no answer', reason: 'ECONNREFUSED' };
    const balancer = fleet.balancers.get(through);
    if (balancer !== undefined && `${address}:${port}` === inventory.nginx.status) {
      const { loaded, live } = balancer;
      if (loaded === null) return refused;
      const folder = `${inventory.nginx.folder}/generations/${generationName(live)}`;
      const told = {
        app: inventory.app,
        configuration: digestIn(loaded),
        stable: live === null ? '' : `${folder}/stable`,
      };
      const body = path === '/generation' ? (live === null ? '' : `${folder}/self`) : JSON.stringify(told);
      return { kind: 'answered', status: 200, body, took: 1 };
    }
    const socket = `${address}:${port}`;
    const named = inventory.backends.find(
      (each) => serverAddress(each, port) === socket || (each.name === through && address === '127.0.0.1'),
    );
    const backend = fleet.backends.get(named?.name ?? '');
    if (backend === undefined) return refused;
    if (!backend.machine.up) return undefined;
    const { process = null } = backend.slots.get(port) ?? {};
    if (process === null) return refused;
    const status = path !== inventory.health.path || process.well ? inventory.health.status : 503;
    return { kind: 'answered', status, body: 'ok', took: 1 };
  }

  /** For `Call`. */
  get doors() {
    return { open: this.#open, deliver: (work: () => void) => this.#deliver(work) };
  }
}

/** One call, from being sent to what is told of it. */
class Call {
  readonly #operator: Operator;
  readonly #call: RemoteCall;
  readonly #accident: Accident;
  readonly #resolve: (outcome: Outcome) => void;
  readonly #reject: (error: Error) => void;
  readonly #script: string;
  #settled = false;
  #run: Run | undefined;
  #whole = false;
  #leave: (() => void)[] = [];

  constructor(
    operator: Operator,
    call: RemoteCall,
    accident: Accident,
    resolve: (outcome: Outcome) => void,
    reject: (error: Error) => void,
  ) {
    this.#operator = operator;
    this.#call = call;
    this.#accident = accident;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#script = call.name.replace('orchestrate-', '');
  }

  get #host(): string {
    return this.#operator.fleet.named(this.#call.host, this.#operator.name);
  }

  begin(): void {
    const { time } = this.#operator.fleet;
    const machine = this.#operator.fleet.machine(this.#host);
    const { link } = this.#accident;
    if (link?.when === 'before') {
      this.#unsent(3, 'connection reset');
      this.#operator.cut(this.#host);
    } else if (machine.reachable) {
      time.after(this.#operator.fleet.chance.between(1, 4), () => this.#sent());
    } else this.#unsent(CONNECTING, 'timed out');
  }

  #unsent(after: number, why: string): void {
    const { host, input, output } = this.#call;
    const error = new ConnectError(host, 'unreachable', `${host} could not be reached: ${why}`, 'See that it runs.');
    this.#operator.fleet.time.after(after, () =>
      this.#operator.doors.deliver(() => {
        output?.on('error', () => {}).destroy(error);
        if (typeof input === 'object' && 'destroy' in input) input.on('error', () => {}).destroy();
        this.#reject(error);
      }),
    );
  }

  #sent(): void {
    const { fleet, name, doors } = this.#operator;
    const { args, deadline } = this.#call;
    const host = this.#host;
    const machine = fleet.machine(host);
    if (!machine.reachable) {
      this.#unsent(CONNECTING, 'timed out');
      return;
    }
    // Killed between the sending and the arriving: as if it had not been sent.
    if (this.#operator.ending !== undefined) return;
    const script = scripts[this.#script];
    if (script === undefined) throw new Error(`the script ${this.#script} is not simulated`);
    const called: Called = { at: fleet.time.now, operator: name, host, script: this.#script, args };
    fleet.calls.push(called);
    const run = machine.start(script(new Here(fleet, host), args), (exit) => {
      called.code = exit.code;
      this.#over(exit);
    });
    this.#run = run;
    const open = { host, lost: (reason: string) => this.#lost(reason) };
    doors.open.add(open);
    this.#leave.push(
      () => doors.open.delete(open),
      fleet.time.after(deadline, () => doors.deliver(() => this.#late())),
    );
    const { signal } = this.#call;
    if (signal?.aborted === true) this.#cut('it was left');
    signal?.addEventListener('abort', () => this.#cut('it was left'));
    const { link } = this.#accident;
    if (link?.when === 'during') {
      run.stall = link.stall;
      this.#leave.push(fleet.time.after(2, () => this.#operator.cut(host)));
    }
    this.#feed(run);
    // A stream that is listened to begins to flow.
    fleet.time.stir();
    run.go();
  }

  #feed(run: Run): void {
    const { input } = this.#call;
    const give = (text: string | null): void => {
      if (text !== null) this.#whole = true;
      this.#operator.fleet.time.after(1, () => run.give(text));
    };
    if (input === undefined || typeof input === 'string') give(input ?? '');
    else if (input instanceof Uint8Array) give(Buffer.from(input).toString());
    else {
      let text = '';
      input.on('data', (chunk: Buffer) => (text += chunk.toString()));
      input.on('end', () => this.#operator.doors.deliver(() => give(text)));
      input.on('error', () => this.#cut('its input broke off'));
    }
  }

  /** The script has ended; whether that is told depends on the way back. */
  #over(exit: Exit): void {
    const { fleet, doors } = this.#operator;
    const machine = fleet.machine(this.#host);
    if (this.#accident.link?.when === 'after') {
      this.#operator.cut(this.#host);
      this.#lost('connection reset');
      return;
    }
    const arrive = (waited: number): void => {
      if (machine.reachable) doors.deliver(() => this.#settle({ kind: 'exited', ...exit }));
      else if (waited >= SILENCE) this.#lost('nothing was heard of it any more');
      else fleet.time.after(500, () => arrive(waited + 500));
    };
    fleet.time.after(1, () => arrive(0));
  }

  #late(): void {
    if (this.#settled) return;
    if (!this.#whole) this.#run?.vanish();
    this.#settle({ kind: 'timed out', after: this.#call.deadline, stdout: '', stderr: '' });
  }

  /** The link is gone: sshd there ends the script's input, if it was not whole. */
  #lost(reason: string): void {
    if (this.#settled) return;
    this.#operator.fleet.time.after(1, () => this.#run?.give(null));
    if (this.#operator.ending?.kind === 'killed') {
      this.#forget();
      return;
    }
    this.#operator.doors.deliver(() => this.#settle({ kind: 'lost', reason, stdout: '', stderr: '' }));
  }

  /** One of its own streams broke: the channel is closed, the script is ended. */
  #cut(reason: string): void {
    if (this.#settled) return;
    this.#run?.vanish();
    this.#operator.doors.deliver(() => this.#settle({ kind: 'lost', reason, here: true, stdout: '', stderr: '' }));
  }

  #forget(): void {
    this.#settled = true;
    for (const leave of this.#leave) leave();
  }

  #settle(outcome: Outcome): void {
    if (this.#settled) return;
    this.#forget();
    const { output, onLine } = this.#call;
    for (const line of outcome.stderr.split('\n').filter(Boolean)) onLine?.(line);
    if (output === undefined) {
      this.#resolve(outcome);
      return;
    }
    if (outcome.kind === 'exited' && outcome.code === 0) output.end(outcome.stdout);
    else output.destroy(new Error(`${this.#script} ended badly`));
    this.#resolve({ ...outcome, stdout: '' });
  }
}

/** A repository whose refs are digits: each names the commit that is all of that digit. */
const source: Source = {
  name: 'the repository',
  resolve: (ref) =>
    Promise.resolve({
      commit: ref[0]!.repeat(40),
      subject: `release ${ref[0]}`,
      author: 'Ada',
      date: '2026-11-01T00:00:00Z',
    }),
  file: () => Promise.resolve(null),
  requirements: () => Promise.resolve(REQUIREMENTS),
  warnings: () => Promise.resolve([]),
  size: () => Promise.resolve(1000),
  archive: () => Readable.from([]),
};
