import { type Socket, createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type DecodedPacket, decode, encode } from 'dns-packet';

/** What a headless Service is to its clients: a name that resolves to the ready pods, as they are now. */
export class NameServer {
  private readonly addresses = new Map<string, readonly string[]>();

  private constructor(private readonly socket: Socket) {
    socket.on('message', (message, { port, address }) => {
      socket.send(encode(this.answer(decode(message))), port, address);
    });
  }

  static async start(): Promise<NameServer> {
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new NameServer(socket);
  }

  /** A gRPC target of a name: looked up here. */
  target(name: string, port: number): string {
    return `dns://127.0.0.1:${(this.socket.address() as AddressInfo).port}/${name}:${port}`;
  }

  set(name: string, addresses: readonly string[]): void {
    this.addresses.set(name, addresses);
  }

  close(): void {
    this.socket.close();
  }

  private answer({ id, questions = [] }: DecodedPacket) {
    const answers = questions
      .filter(({ type }) => type === 'A')
      .flatMap(({ name }) =>
        (this.addresses.get(name) ?? []).map((data) => ({ type: 'A' as const, name, ttl: 0, data })),
      );
    return { type: 'response' as const, id, questions, answers };
  }
}
