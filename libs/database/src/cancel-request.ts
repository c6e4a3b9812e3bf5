import type { Socket } from 'node:net';
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import pg from 'pg';

/** What pg's client holds and its types do not tell. */
interface Session {
  readonly processID: number;
  readonly secretKey: number;
  readonly host: string;
  readonly port: number;
  readonly ssl: false | true | ConnectionOptions;
  readonly sslNegotiation: string;
  readonly connection: { readonly stream: Socket };
}

/** pg's `Connection` likewise: the protocol without a session. */
interface Wire extends pg.Connection {
  connect(port: number | string, host?: string): void;
  requestSsl(): void;
  cancel(processID: number, secretKey: number): void;
}

/**
 * Asks the server to cancel what the session of `client` is running, over a connection of its own (the protocol's
 * CancelRequest). pg's own `cancel` does neither: it goes without TLS, and does not tell when the server has done it.
 *
 * Resolves once the server has closed that connection, which is after it has signalled the session: whatever the
 * session is sent from then on cannot be hit. Rejects when that is not known, or not known before `signal` aborts.
 * https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS
 */
export function requestCancel(client: pg.Client, signal: AbortSignal): Promise<void> {
  const { processID, secretKey, host, port, ssl, sslNegotiation, connection } = client as unknown as Session;
  // A name may stand for several servers; only the one that the session is on knows it.
  const address = connection.stream.remoteAddress ?? host;
  const given = ssl === true || ssl === false ? {} : ssl;
  // pg hides the key from being printed, and with that from being spread.
  const tls = ssl && { ...given, key: given.key, ...(isIP(host) === 0 ? { servername: host } : {}) };
  const wire = new pg.Connection({ ssl: tls, sslNegotiation } as pg.ConnectionConfig) as Wire;
  return new Promise<void>((resolve, reject) => {
    let sent = false;
    const send = () => {
      wire.cancel(processID, secretKey);
      sent = true;
    };
    const giveUp = () => wire.stream.destroy();
    signal.addEventListener('abort', giveUp);
    wire.on('connect', () => {
      if (!ssl) send();
      else if (sslNegotiation !== 'direct') wire.requestSsl();
    });
    wire.on('sslconnect', send);
    wire.on('error', reject);
    wire.on('end', () => {
      signal.removeEventListener('abort', giveUp);
      if (sent && !signal.aborted) resolve();
      else reject(new Error('the server did not take the request to cancel a statement'));
    });
    if (host.startsWith('/')) wire.connect(`${host}/.s.PGSQL.${port}`);
    else wire.connect(port, address);
  });
}
