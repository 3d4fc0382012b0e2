import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Certificate } from './balancer.ts';
import { must } from './shell.ts';

/** A certificate for the site, signed by itself; it lies in `folder` as shop.pem and shop.key. */
export async function makeCertificate(folder: string, host: string): Promise<Certificate> {
  const [key, certificate] = [join(folder, 'shop.key'), join(folder, 'shop.pem')];
  const kind = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30'];
  const subject = ['-subj', `/CN=${host}`, '-addext', `subjectAltName=DNS:${host}`];
  await must('openssl', [...kind, ...subject, '-keyout', key, '-out', certificate]);
  return { key: await readFile(key, 'utf8'), certificate: await readFile(certificate, 'utf8') };
}
