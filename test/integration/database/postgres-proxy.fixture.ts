import { readFileSync } from 'node:fs';
import { type AddressInfo, type Socket, connect, createServer } from 'node:net';
import { type PeerCertificate, TLSSocket } from 'node:tls';
import { type Certificates, makeCertificates } from '../../certificates.js';

const SSL_REQUEST = 80_877_103;
/** What a connection begins with. https://www.postgresql.org/docs/current/protocol-message-formats.html */
const MESSAGES: Record<number, string> = { 196_608: 'session', 80_877_102: 'cancel' };

/** Stands between a test and PostgreSQL: it tells who comes and how, and can fall silent as a frozen server does. */
export class PostgresProxy {
  /** `session` or `cancel`, over `plain`, `tls` or `tls as <who the certificate is for>`, in the order they came in. */
  readonly seen: string[] = [];
  private readonly sockets = new Set<Socket>();
  private made: Certificates | undefined;
  private frozen = false;
  private freezesAt: number | undefined;
  private cancels = Promise.resolve();
  private readonly server = createServer((socket) => {
    this.keep(socket);
    if (!this.frozen) socket.once('data', (first: Buffer) => this.greet(socket, first));
  });

  private constructor(private readonly target: URL) {}

  static async before(databaseUrl: string): Promise<PostgresProxy> {
    const proxy = new PostgresProxy(new URL(databaseUrl));
    await new Promise<void>((resolve) => proxy.server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  /** The database's URL by way of the proxy. */
  get url(): string {
    const url = new URL(this.target);
    url.hostname = 'localhost';
    url.port = String((this.server.address() as AddressInfo).port);
    return url.href;
  }

  /** From now on nothing comes through, and nobody is told. */
  freeze(): void {
    this.frozen = true;
    for (const socket of this.sockets) socket.pause();
  }

  /** Falls silent as soon as somebody comes for the `nth` time. */
  freezeAt(nth: number): void {
    this.freezesAt = nth;
  }

  /** Connections that are open fall silent for good, and neither end learns that the other is gone. Later ones work. */
  freezeOpen(): void {
    for (const socket of this.sockets) {
      socket.unpipe();
      socket.pause();
      socket.removeAllListeners('close');
    }
  }

  thaw(): void {
    this.frozen = false;
    for (const socket of this.sockets) socket.resume();
  }

  /** Breaks every connection, as a server that dies does. */
  reset(): void {
    for (const socket of this.sockets) socket.resetAndDestroy();
  }

  /** Requests to cancel do not come through until the returned function is called. */
  holdCancels(): () => void {
    let letGo = () => {};
    this.cancels = new Promise((resolve) => (letGo = resolve));
    return letGo;
  }

  /** Who signs for it, as `localhost`. */
  get certificates(): Certificates {
    return (this.made ??= makeCertificates());
  }

  async close(): Promise<void> {
    this.made?.remove();
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private greet(socket: Socket, first: Buffer): void {
    if (first.readInt32BE(4) !== SSL_REQUEST) return void this.forward(socket, 'plain', first);
    socket.write('S');
    const { server } = this.certificates;
    const tls = new TLSSocket(socket, {
      isServer: true,
      key: readFileSync(server.key),
      cert: readFileSync(server.cert),
      requestCert: true,
      rejectUnauthorized: false,
    });
    this.keep(tls);
    tls.once('data', (message: Buffer) => {
      const { subject } = tls.getPeerCertificate() as Partial<PeerCertificate>;
      void this.forward(tls, subject ? `tls as ${subject.CN}` : 'tls', message);
    });
  }

  private async forward(socket: Socket, how: string, first: Buffer): Promise<void> {
    const what = MESSAGES[first.readInt32BE(4)];
    this.seen.push(`${what} ${how}`);
    if (this.seen.length === this.freezesAt) return this.freeze();
    if (what === 'cancel') await this.cancels;
    const upstream = connect(Number(this.target.port), this.target.hostname);
    this.keep(upstream);
    upstream.write(first);
    socket.pipe(upstream);
    upstream.pipe(socket);
    socket.on('close', () => upstream.destroy());
    upstream.on('close', () => socket.end());
  }

  private keep(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.sockets.delete(socket));
  }
}
