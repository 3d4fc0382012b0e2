import type { Moment } from './moments.ts';

/** What a webhook is sent of a moment. What hosts print (a failure's output) is not in it: it leaves the house. */

export type Format = 'json' | 'slack';

/** The body of the request, JSON. `id` is the same each time that it is tried, and of no other. */
export function bodyOf(moment: Moment, format: Format, id: string): string {
  return JSON.stringify(format === 'slack' ? { text: slackText(moment) } : payload(moment, id));
}

function payload(moment: Moment, id: string): Record<string, unknown> {
  const { at, kind, beginning } = moment;
  const { app, command, by, number, title, from, to } = beginning;
  const failure = 'failure' in moment ? moment.failure : undefined;
  return {
    id,
    event: kind,
    at,
    app,
    command,
    by,
    number,
    title,
    from: from ?? null,
    to: to ?? null,
    hosts: kind === 'batch' ? moment.hosts : beginning.hosts,
    ...(kind === 'batch' ? { batch: { number: moment.number, of: moment.of } } : {}),
    ...('exit' in moment && moment.exit !== undefined ? { exit: moment.exit } : {}),
    ...(kind === 'finished' ? { summary: moment.summary } : {}),
    ...(failure === undefined
      ? {}
      : { failure: { host: failure.host, doing: failure.doing, what: failure.what, next: failure.next } }),
    text: momentText(moment),
  };
}

/** A moment in one or two lines for people. */
export function momentText(moment: Moment): string {
  const { app, command, by, title } = moment.beginning;
  switch (moment.kind) {
    case 'started':
      return `${app}: ${by} began \`${command}\`: ${title}`;
    case 'batch':
      return `${app}: batch ${moment.number} of ${moment.of} is done: ${moment.hosts.join(', ')}`;
    case 'failed': {
      const { failure } = moment;
      if (failure === undefined) return `${app}: \`${command}\` by ${by} failed (exit ${moment.exit ?? 1})`;
      return `${app}: \`${command}\` by ${by} failed: ${failure.host}: ${failure.doing}: ${failure.what}\nWhat to do: ${failure.next}`;
    }
    case 'finished':
      return `${app}: ${moment.summary.sentence} (\`${command}\` by ${by}, exit ${moment.exit})`;
  }
}

const SIGN = {
  started: ':arrow_forward:',
  batch: ':white_check_mark:',
  failed: ':rotating_light:',
} as const;

/** Slack's own three characters are escaped, so that nothing in a title becomes a link or a mention. */
function slackText(moment: Moment): string {
  const sign =
    moment.kind === 'finished' ? (moment.exit === 0 ? ':white_check_mark:' : ':rotating_light:') : SIGN[moment.kind];
  const text = momentText(moment).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return `${sign} ${text}`;
}
