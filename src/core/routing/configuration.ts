import { createHash } from 'node:crypto';
import Handlebars from 'handlebars';
import type { Inventory } from '../inventory.ts';
import { serversOf, upstreamName } from './address.ts';
import type { Group } from './groups.ts';
import { SECRET, SECRET_WORDS } from '../sealed.ts';

export interface Configuration {
  readonly text: string;
  /** 16 hex digits: what the status server tells of the configuration that its worker has loaded. */
  readonly digest: string;
}

const BLANK = '-'.repeat(16);

/** How a request comes to its bucket: what is drawn from, in words how, and whether a cookie keeps it. */
const STICKY = {
  cookie: { dice: '$request_id', chosen: 'by chance, or as its cookie says', cookie: true },
  address: { dice: '$remote_addr', chosen: "by its client's address", cookie: false },
  none: { dice: '$request_id', chosen: 'by chance', cookie: false },
} as const satisfies Record<Inventory['canary']['sticky'], object>;

/**
 * The text of the file that an Nginx includes at http level (templates/upstream.conf.hbs).
 * With `nginx.switch: reload` it has one upstream, named as the app, with the marks of the one group that is given.
 * @param groups from `declaredGroups`, or with `switch: reload` the one that is to serve
 * @param secret of canary.header, where the inventory has one
 * @throws Error when the template does not compile, names what there is not, or when a value would end its directive
 */
export function renderConfiguration(
  inventory: Inventory,
  groups: readonly Group[],
  template: string,
  secret?: string,
): Configuration {
  const { app, nginx } = inventory;
  const live = nginx.switch === 'live';
  if (!live && groups.length !== 1) throw new Error('with nginx.switch: reload one group serves, and one is declared');
  const method = nginx.method === 'round_robin' ? '' : nginx.method;
  for (const [key, value] of Object.entries({ ...nginx, method })) {
    if (
      typeof value === 'string' &&
      /[;{}"'\\#\n\r]/.test(value) &&
      ['method', 'server_options', 'status', 'folder'].includes(key)
    ) {
      throw new Error(`nginx.${key}: ${JSON.stringify(value)} has a character that would end the directive`);
    }
  }
  const values = {
    app,
    live,
    ...STICKY[inventory.canary.sticky],
    header: headerOf(inventory, secret),
    file: nginx.file,
    folder: nginx.folder,
    status: nginx.status,
    method,
    digest: BLANK,
    digests: groups
      .filter(({ name }) => /^(outs|slots)-/.test(name))
      .map(({ name, out, second }) => ({
        name,
        whole: [
          ...(out.length > 0 ? [`out-${out.join('--')}`] : []),
          ...(second.length > 0 ? [`the second slot of ${second.join(', ')}`] : []),
        ].join(', '),
      })),
    buckets: Array.from({ length: 100 }, (_, at) => ({
      share: at === 99 ? '*' : '1%',
      bucket: String(at).padStart(2, '0'),
    })),
    groups: groups.map((group) => ({
      name: group.name,
      upstream: upstreamName(group.name, inventory),
      servers: serversOf(group, inventory).map(({ address, parameters }) => ({
        address,
        options: parameters.map((parameter) => ` ${parameter}`).join(''),
      })),
    })),
  };
  const blank = Handlebars.compile(template, { noEscape: true, strict: true })(values);
  const digest = createHash('sha256').update(blank).digest('hex').slice(0, 16);
  return { text: blank.replaceAll(BLANK, digest), digest };
}

/** Nginx's name for the header, and the secret that it is to bear. The secret is in no message. */
function headerOf(
  { canary: { header } }: Inventory,
  secret: string | undefined,
): { readonly variable: string; readonly secret: string } | undefined {
  if (header === undefined) return undefined;
  if (!/^[A-Za-z][A-Za-z0-9-]*$/.test(header.name)) throw new Error('canary.header.name is no name of a header');
  if (secret === undefined || !SECRET.test(secret))
    throw new Error(`the secret of canary.header must be ${SECRET_WORDS}`);
  return { variable: header.name.toLowerCase().replaceAll('-', '_'), secret };
}

/**
 * Whether two texts let the same header choose a side. What a text says of it is its map of the lane, source and all.
 * @param app the inventory's
 */
export const sameHeader = (one: string, other: string, app: string): boolean =>
  laneMap(one, app) === laneMap(other, app);

/** Whether a text lets some header choose a side. */
export const hasHeader = (text: string, app: string): boolean => / canary;/.test(laneMap(text, app));

const laneMap = (text: string, app: string): string =>
  new RegExp(`^map \\S+ \\$${app}_lane \\{[^}]*\\}`, 'm').exec(text)?.[0] ?? '';

/** What lets the ssh user read the configuration's file, and with a secret in it nobody else. */
export const readable = ({ nginx, canary }: Inventory, group: string): string =>
  canary.header === undefined ? `chmod 644 ${nginx.file}` : `chgrp ${group} ${nginx.file} && chmod 640 ${nginx.file}`;

/** The digest that a text should tell of itself: it is another than the one it tells when somebody edited the text. */
export function digestOf(text: string, told: string): string {
  return createHash('sha256').update(text.replaceAll(told, BLANK)).digest('hex').slice(0, 16);
}
