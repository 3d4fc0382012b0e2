import type { Intent } from './record.ts';

/**
 * A plan is a value, JSON through and through: it can be printed, saved, compared, tested, refused. The loop (src/roll.ts) runs it and
 * knows the kinds of step, nothing of what they are for.
 */
export interface Plan {
  readonly version: 1;
  readonly app: string;
  /** What the whole plan does, one sentence. */
  readonly title: string;
  /** The release that the fleet comes from, where the plan switches one; null: none. What a failure goes back to. */
  readonly from?: string | null;
  readonly to?: string;
  /** What it begins, for those who find it unfinished. */
  readonly intent?: Intent;
  /** Backends that it was asked for and leaves as they are. */
  readonly aside?: readonly string[];
  /** In order: each begins when all tracks of the one before have ended well. Empty: there is nothing to do. */
  readonly phases: readonly Phase[];
  /** What a person should know before saying yes: reloads, files seen by both releases, hosts that stay out. */
  readonly notes: readonly string[];
}

export interface Phase {
  readonly name: PhaseName;
  readonly title: string;
  /** Side by side, at most `ssh.concurrency` at once, and at most `atOnce` where that is fewer. */
  readonly tracks: readonly Track[];
  readonly atOnce?: number;
  readonly batch?: { readonly number: number; readonly of: number; readonly hosts: readonly string[] };
  /** Who is in rotation once this phase is done, where the phase changes it. */
  readonly rotation?: { readonly in: readonly string[]; readonly out: readonly string[] };
}

export type PhaseName =
  /** Reads only: what fails there ends the plan with nothing changed. */
  | 'check'
  | 'build'
  | 'ship'
  | 'rehearse'
  | 'publish'
  | 'migrate'
  | 'declare'
  /** A release is started where nothing is sent yet. */
  | 'start'
  | 'flip'
  | 'batch'
  | 'bake'
  | 'pause'
  | 'drain'
  | 'health'
  | 'prune'
  /** What served before is let run on, or stopped. */
  | 'linger'
  /** The balancers add up their access logs for a canary, or are told what to do when nobody watches it. */
  | 'follow';

/** Steps in order; a failing step ends its track. */
export interface Track {
  /** The host this is about, for the live view. */
  readonly host: string;
  readonly steps: readonly Step[];
}

export type Step = RunStep | PutStep | ProbeStep | WatchStep | PauseStep | AbsentStep | TogetherStep;

interface Told {
  /** The sentence that tells the step to a person. */
  readonly say: string;
  /** Milliseconds. */
  readonly deadline: number;
  /** How it is taken back, a sentence; absent where there is nothing to take back. */
  readonly undo?: string;
  /** A way out when it fails, a sentence, beside what the failure itself suggests. */
  readonly hint?: string;
  /** Only if an earlier step's judgement left this value so. */
  readonly when?: { readonly value: string; readonly is: boolean };
}

export interface Call {
  readonly host: string;
  readonly args: readonly string[];
}

/** Runs a script of src/remote, on several hosts at once where several are named. */
export interface RunStep extends Told {
  readonly kind: 'run';
  /** Name in src/remote, without .sh. */
  readonly script: string;
  readonly calls: readonly Call[];
  /** A changing script is given the fence's arguments in front; the folder tells whose fence. Absent: it only reads. */
  readonly fence?: string;
  /** Standard input. `@time:N` in it is the time at which a step first said N: what a plan can't know. */
  readonly input?: string;
  readonly judge?: Judgement;
  /** A value that is true from the moment this step begins, whatever comes of it. */
  readonly sets?: string;
  /** How many reloads of Nginx it makes; the summary counts them. */
  readonly reloads?: number;
  /** It may be left in the middle when a person asks to stop: nothing that serves depends on it, and what is half-made is met again. */
  readonly leave?: true;
}

/** Puts bytes on hosts: a script reads them on standard input, all hosts at once from one stream. */
export interface PutStep extends Told {
  readonly kind: 'put';
  readonly script: string;
  readonly calls: readonly Call[];
  readonly fence: string;
  /** As of a RunStep. */
  readonly leave?: true;
  readonly from:
    | { readonly kind: 'source'; readonly commit: string }
    | { readonly kind: 'host'; readonly host: string; readonly script: string; readonly args: readonly string[] };
}

/** Asks over HTTP until the answer is as wanted, `consecutive` times in a row from each place, or the deadline passes. */
export interface ProbeStep extends Told {
  readonly kind: 'probe';
  /** Whose health is asked, for messages. */
  readonly host: string;
  /** Through which hosts' links; empty: from here. */
  readonly through: readonly string[];
  readonly address: string;
  readonly port: number;
  readonly path: string;
  readonly hostHeader: string;
  readonly headers: Readonly<Record<string, string>>;
  /** `any`: whatever is answered will do (warm-up). */
  readonly status: number | 'any';
  /** What the body must hold. */
  readonly body?: string;
  readonly consecutive: number;
  /** Requests at once from each place. */
  readonly parallel: number;
  /** Milliseconds between two looks. */
  readonly interval: number;
  /** Milliseconds for one request. */
  readonly timeout: number;
  /** The script whose output ends the story when this fails: the end of the application's log. */
  readonly log?: { readonly script: string; readonly call: Call };
}

/** Lets time pass and judges what the balancers' access logs show of it. */
export interface WatchStep extends Told {
  readonly kind: 'watch';
  /** Milliseconds. */
  readonly lasts: number;
  readonly script: string;
  readonly calls: readonly Call[];
  /** `address:port` of the backends on the new release, and the generation in which each came back. */
  readonly fresh: readonly { readonly address: string; readonly since: number }[];
  /** `address:port` of those still on the old one. */
  readonly old: readonly string[];
}

export interface PauseStep extends Told {
  readonly kind: 'pause';
  /** Milliseconds. */
  readonly lasts: number;
  /** It may end when a person asks to stop. */
  readonly rest?: true;
}

/** Sees that a host can still not be reached, which a plan leaves out because somebody said that it takes no traffic. */
export interface AbsentStep extends Told {
  readonly kind: 'absent';
  readonly host: string;
}

/** Steps that wait for nothing of each other. */
export interface TogetherStep extends Told {
  readonly kind: 'together';
  readonly steps: readonly Step[];
}

/** What is asked of a script's output beyond its exit code; core/judge.ts has the functions. */
export interface Judgement {
  readonly kind: 'migrations';
  readonly allow: 'additive' | 'any';
  /** Migrations that a person answers for. */
  readonly named: readonly string[];
}

/** All the hosts that a plan touches, in order of first appearance. */
export function hostsOf(plan: Plan): string[] {
  return [...new Set(plan.phases.flatMap((phase) => phase.tracks.flatMap((track) => track.steps.flatMap(touched))))];
}

/** The hosts whose state a step changes or waits for. */
function touched(step: Step): string[] {
  switch (step.kind) {
    case 'run':
    case 'put':
    case 'watch':
      return step.calls.map(({ host }) => host);
    case 'together':
      return step.steps.flatMap(touched);
    case 'probe':
    case 'pause':
    case 'absent':
      return [];
  }
}
