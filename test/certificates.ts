import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Certificates that live as long as a test. Paths of PEM files. */
export interface Certificates {
  readonly ca: string;
  /** For `localhost`. */
  readonly server: { cert: string; key: string };
  readonly client: { cert: string; key: string };
  /** Another authority, which has signed none of them. */
  readonly stranger: string;
  remove(): void;
}

/** Makes an authority and what it signs, with openssl. */
export function makeCertificates(): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'rookery-certificates-'));
  const path = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'ignore'] });
  const key = (name: string) => [
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-keyout',
    path(name),
  ];
  const authority = (name: string) => {
    openssl('req', '-x509', ...key(`${name}.key`), '-out', path(`${name}.pem`), '-subj', `/CN=${name}`, '-days', '1');
    return path(`${name}.pem`);
  };
  const signed = (name: string, subjectAltName: string) => {
    writeFileSync(path(`${name}.ext`), `subjectAltName=${subjectAltName}`);
    openssl('req', ...key(`${name}.key`), '-out', path(`${name}.csr`), '-subj', `/CN=${name}`);
    const by = ['-CA', path('ca.pem'), '-CAkey', path('ca.key'), '-CAcreateserial', '-extfile', path(`${name}.ext`)];
    openssl('x509', '-req', '-in', path(`${name}.csr`), ...by, '-out', path(`${name}.pem`), '-days', '1');
    return { cert: path(`${name}.pem`), key: path(`${name}.key`) };
  };
  return {
    ca: authority('ca'),
    stranger: authority('stranger'),
    server: signed('server', 'DNS:localhost'),
    client: signed('client', 'DNS:order-service'),
    remove: () => rmSync(folder, { recursive: true }),
  };
}
