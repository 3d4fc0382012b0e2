import { pipeline } from 'node:stream/promises';
import { PassThrough, type Readable } from 'node:stream';
import type { Call, PutStep } from '../core/plan.ts';
import type { StepContext } from './context.ts';
import { succeeded } from '../core/outcome.ts';
import { bytes } from '../core/bytes.ts';
import { Failed, printable, scriptFailure, type Failure } from '../core/failure.ts';
import { fanOut } from '../fleet/fan-out.ts';
import { linkLost, reach, TIMES, unreached, type Break } from './again.ts';
import { allEnded } from './all-ended.ts';
import { connectFailure } from './connect-failure.ts';

/**
 * Streams bytes from here or from one host to all hosts of the step at once; nothing is kept in memory or on the operator's disk.
 * The receiving script knows length and digest and takes nothing that arrived short. A host whose link was lost is sent all of it anew,
 * alone, once it is reached again and what was in hand there has ended. Returns how much was sent.
 */
export async function putStep(step: PutStep, context: StepContext): Promise<string | undefined> {
  let { calls } = step;
  for (let times = 0; ; times += 1) {
    // oxlint-disable-next-line no-await-in-loop -- what is sent anew comes after what was lost
    const { sent, failure, lost, sender } = await stream({ ...step, calls }, context);
    if (failure !== undefined && (lost.size === 0 || times === TIMES)) throw new Failed(failure);
    if (failure === undefined) {
      const to = step.calls.length === 1 ? 'it' : `each of ${step.calls.length} hosts`;
      return `${bytes(sent)} to ${to}`;
    }
    const { say, fence } = step;
    // oxlint-disable-next-line no-await-in-loop
    await allEnded([
      ...(sender === undefined ? [] : [reach({ host: sender.host, say }, sender.broke, context)]),
      ...[...lost].map(([{ host }, broke]) => reach({ host, say, fence }, broke, context)),
    ]);
    calls = [...lost.keys()];
  }
}

interface Streamed {
  readonly sent: number;
  /** What is to be told where it is not all well. */
  readonly failure: Failure | undefined;
  /** Who has to be sent it anew, and why; empty where that would mend nothing. */
  readonly lost: ReadonlyMap<Call, Break>;
  /** The host whose link broke while it sent. */
  readonly sender?: { readonly host: string; readonly broke: Break };
}

/** Sends it once. */
async function stream(step: PutStep, context: StepContext): Promise<Streamed> {
  const { input, outputs } = fanOut(step.calls.length);
  let sent = 0;
  const counted = new PassThrough();
  counted.on('data', (chunk: Uint8Array) => (sent += chunk.length));
  const flow = pipeline(counted, input).then(
    () => undefined,
    (error: unknown) => error,
  );
  const sending = send(step, context, counted, () => outputs.every(({ destroyed }) => destroyed));
  const receiving = allEnded(step.calls.map((call, index) => receive(step, call, outputs[index], context))).then(
    (ends) => {
      const failures = ends.filter((failure) => failure !== undefined);
      // With nobody left to receive, the source is not to go on.
      if (failures.length === step.calls.length) counted.destroy();
      return failures;
    },
  );
  await allEnded<unknown>([sending, receiving, flow]);
  const [source, failed] = [await sending, await receiving];
  // Whoever broke the stream breaks it for the other end too: what the other end then says is no news.
  const own = source?.own === true;
  const [first] =
    own || failed.length === 0
      ? [source]
      : failed.toSorted((a, b) => Number(a.lost !== undefined) - Number(b.lost !== undefined));
  if (own && source.lost !== undefined && step.from.kind === 'host') {
    const { host } = step.from;
    const cut: Break = { reason: `it came from ${host}, whose link was lost`, sent: true };
    const lost = new Map(failed.map(({ call, lost: broke }) => [call, broke ?? cut]));
    return { sent, failure: source.failure, lost, sender: { host, broke: source.lost } };
  }
  const mends = !own && failed.every(({ lost }) => lost !== undefined);
  const lost = new Map(
    failed.flatMap(({ call, lost: broke }) => (mends && broke !== undefined ? [[call, broke] as const] : [])),
  );
  return { sent, failure: first?.failure, lost };
}

/** A host that has not got all. `lost`: because its link was lost. */
interface Unreceived {
  readonly call: Call;
  readonly failure: Failure;
  readonly lost: Break | undefined;
}

/** undefined: it has all. */
async function receive(
  step: PutStep,
  call: Call,
  input: Readable | undefined,
  context: StepContext,
): Promise<Unreceived | undefined> {
  try {
    const outcome = await context.remote.run({
      host: call.host,
      name: `orchestrate-${step.script}`,
      text: context.script(step.script),
      args: [...context.fence(step.fence), ...call.args],
      ...(input === undefined ? {} : { input }),
      deadline: step.deadline,
      ...(step.leave === true ? { signal: context.stop } : {}),
      onLine: (line) => context.emit({ type: 'output', host: call.host, line: printable(line) }),
    });
    if (succeeded(outcome)) return undefined;
    return { call, failure: scriptFailure(call.host, step.say, outcome), lost: linkLost(outcome) };
  } catch (error) {
    return { call, failure: connectFailure(error, step.say), lost: unreached(error) };
  } finally {
    // Whoever has ended holds up nobody.
    input?.destroy();
  }
}

/** Why not all was sent. `own`: it failed by itself, and not because nobody was left to receive. `lost`: because its link was lost. */
interface Unsent {
  readonly failure: Failure;
  readonly own: boolean;
  readonly lost?: Break | undefined;
}

function send(
  step: PutStep,
  context: StepContext,
  into: PassThrough,
  nobody: () => boolean,
): Promise<Unsent | undefined> {
  return step.from.kind === 'source'
    ? sendCommit(step.from.commit, step, context, into, nobody)
    : sendFrom(step.from, step, context, into);
}

async function sendCommit(
  commit: string,
  step: PutStep,
  context: StepContext,
  into: PassThrough,
  nobody: () => boolean,
): Promise<Unsent | undefined> {
  let own = true;
  try {
    const source = await context.archive(commit);
    source.once('error', () => (own = !nobody()));
    await pipeline(source, into);
    return undefined;
  } catch (error) {
    into.destroy();
    const failure = {
      host: 'this machine',
      doing: step.say,
      what: `could not read the source: ${error instanceof Error ? error.message : String(error)}`,
      output: [],
      next: 'Look at the repository that build.source names.',
    };
    return { failure, own };
  }
}

async function sendFrom(
  { host, script, args }: Extract<PutStep['from'], { kind: 'host' }>,
  step: PutStep,
  context: StepContext,
  into: PassThrough,
): Promise<Unsent | undefined> {
  try {
    const outcome = await context.remote.run({
      host,
      name: `orchestrate-${script}`,
      text: context.script(script),
      args,
      output: into,
      deadline: step.deadline,
    });
    if (succeeded(outcome)) return undefined;
    const cut = outcome.kind === 'lost' && outcome.here === true;
    return { failure: scriptFailure(host, step.say, outcome), own: !cut, lost: linkLost(outcome) };
  } catch (error) {
    const failure = connectFailure(error, step.say);
    into.destroy();
    return { failure, own: true, lost: unreached(error) };
  }
}
