import Handlebars from 'handlebars';
import type { Inventory } from '../inventory.ts';

export interface SiteOptions {
  /** What stands after `listen`: `80`, `443`, `127.0.0.1:8080`. */
  readonly listen: string;
  /** Names of the site; default: the host of the health check. */
  readonly names?: readonly string[];
  /** Paths on the balancer. With it port 80 redirects. */
  readonly tls?: { readonly certificate: string; readonly key: string; readonly http2: boolean };
  /** Django's STATIC_URL; default `/static/`. Served where the inventory publishes static files to the balancers. */
  readonly staticUrl?: string;
}

/**
 * The example of a site (templates/site.conf.hbs), for `init` to print and for tests to run.
 * @throws Error when the template names what there is not, or when a value would end its directive
 */
export function renderSite(inventory: Inventory, options: SiteOptions, template: string): string {
  const { app, nginx, build, health } = inventory;
  const url = options.staticUrl ?? '/static/';
  const published = build.static.command !== null && build.static.publish.to === 'balancers';
  const values = {
    app,
    folder: nginx.folder,
    access_log: nginx.access_log,
    keepalive_timeout: Math.ceil(nginx.keepalive_timeout / 1000),
    listen: options.listen,
    names: (options.names ?? [health.host]).join(' '),
    tls: options.tls,
    header: inventory.canary.header?.name,
    static: published ? { url: `/${url.replaceAll(/^\/|\/$/g, '')}/`, path: build.static.publish.path } : undefined,
  };
  for (const value of [values.folder, values.access_log, values.listen, values.names, url, values.static?.path ?? '']) {
    if (/[;{}"'\\#\n\r$]/.test(value))
      throw new Error(`${JSON.stringify(value)} has a character that would end the directive`);
  }
  return Handlebars.compile(template, { noEscape: true, strict: true })(values);
}
