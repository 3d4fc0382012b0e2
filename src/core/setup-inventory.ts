import Handlebars from 'handlebars';
import { readInventory, type Problem } from './inventory.ts';

/** What `init` is told: the hosts as they are typed, `lb1=10.0.0.10,lb2=10.0.0.9` and `web[1-3]=10.0.0.[11-13]`. */
export interface Answers {
  readonly app: string;
  readonly balancers: string;
  readonly backends: string;
  /** The Host header of the site. */
  readonly host: string;
  /** The ssh user; absent: ~/.ssh/config decides. */
  readonly user?: string;
  readonly configuration: string;
}

/** What must be known; the others have defaults. */
export const REQUIRED = ['app', 'balancers', 'backends', 'host'] as const;

/** What of each answer is in the inventory, so that a problem there is told of the answer. */
const PLACE: Readonly<Record<keyof Answers, string>> = {
  app: 'app',
  balancers: 'balancers',
  backends: 'backends',
  host: 'health.host',
  user: 'ssh.user',
  configuration: 'nginx.configuration',
};

const ANSWERS = ['app', 'balancers', 'backends', 'host', 'user', 'configuration'] as const;

/** Answers that are right, for trying one other. */
const SOUND: Answers = {
  app: 'shop',
  balancers: 'lb1=10.255.255.1',
  backends: 'web1=10.255.255.2',
  host: 'shop.example.com',
  configuration: 'managed',
};

/** What is wrong with one answer, in words; undefined: it will do. */
export function problemOf(answer: keyof Answers, text: string, template: string): string | undefined {
  const read = answeredInventory({ ...SOUND, [answer]: text }, template);
  const [first] = read.problems;
  return first === undefined ? undefined : first.message;
}

/** The text of a commented inventory with these answers (templates/inventory.yaml.hbs), and what of the answers can't be so. */
export function answeredInventory(
  answers: Answers,
  template: string,
): {
  readonly text: string;
  readonly problems: readonly { readonly answer: keyof Answers; readonly message: string }[];
} {
  const [balancers, backends] = [pairsOf(answers.balancers), pairsOf(answers.backends)];
  const problems = [
    ...('problem' in balancers ? [{ answer: 'balancers' as const, message: balancers.problem }] : []),
    ...('problem' in backends ? [{ answer: 'backends' as const, message: backends.problem }] : []),
  ];
  if ('problem' in balancers || 'problem' in backends) return { text: '', problems };
  const written = (pairs: readonly Pair[]): Pair[] =>
    // In a mapping on one line a bracket would begin a list.
    pairs.map(({ name, address }) => ({
      name: scalar(name),
      address: /[[\]]/.test(address) ? JSON.stringify(address) : scalar(address),
    }));
  const text = Handlebars.compile(template, { noEscape: true, strict: true })({
    app: scalar(answers.app),
    user: answers.user === undefined ? '' : scalar(answers.user),
    balancers: written(balancers.pairs),
    backends: written(backends.pairs),
    host: scalar(answers.host),
    configuration: scalar(answers.configuration),
    managed: answers.configuration === 'managed',
  });
  const read = readInventory(text, 'inventory.yaml', '/');
  return { text, problems: read.ok ? [] : unique(read.problems.map((problem) => toldOf(problem))) };
}

interface Pair {
  readonly name: string;
  readonly address: string;
}

function pairsOf(text: string): { readonly pairs: readonly Pair[] } | { readonly problem: string } {
  const pairs: Pair[] = [];
  for (const word of text.split(/[,\s]+/).filter(Boolean)) {
    const [, name, address] = /^([^=]+)=([^=]+)$/.exec(word) ?? [];
    if (name === undefined || address === undefined)
      return {
        problem: `${JSON.stringify(word)} is not NAME=ADDRESS, such as web1=10.0.0.11 or web[1-3]=10.0.0.[11-13]`,
      };
    if (pairs.some((pair) => pair.name === name)) return { problem: `${name} is there twice` };
    pairs.push({ name, address });
  }
  return pairs.length === 0 ? { problem: 'at least one host, such as web1=10.0.0.11' } : { pairs };
}

/** A value as YAML: plain where it can be taken for nothing else, else in quotes. */
const scalar = (text: string): string =>
  (/^[A-Za-z0-9][A-Za-z0-9_.[\]-]*$/.test(text) && !/^(true|false|null|[\d.]+)$/i.test(text)) ||
  /^\d+(\.\d+){3}$/.test(text)
    ? text
    : JSON.stringify(text);

function toldOf({ path, message }: Problem): { readonly answer: keyof Answers; readonly message: string } {
  // What other keys have of the app's name is wrong with the app.
  const found = ANSWERS.find((answer) => path === PLACE[answer] || path.startsWith(`${PLACE[answer]}.`));
  return found === undefined ? { answer: 'app', message: `${path}: ${message}` } : { answer: found, message };
}

const unique = <T extends { readonly answer: string }>(all: readonly T[]): T[] =>
  all.filter((each, at) => all.findIndex(({ answer }) => answer === each.answer) === at);
