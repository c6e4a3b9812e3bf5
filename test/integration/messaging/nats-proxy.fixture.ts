import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';

/** The way of one replica to NATS, which can be cut while the others keep theirs. */
export class NatsProxy {
  private readonly sockets = new Set<Socket>();
  private open = true;
  private readonly server: Server;

  private constructor(target: URL) {
    this.server = createServer((socket) => {
      this.keep(socket);
      if (!this.open) return socket.destroy();
      const upstream = this.keep(connect(Number(target.port), target.hostname));
      socket.pipe(upstream).pipe(socket);
      socket.on('close', () => upstream.destroy());
      upstream.on('close', () => socket.destroy());
    });
  }

  static async before(natsUrl: string): Promise<NatsProxy> {
    const proxy = new NatsProxy(new URL(natsUrl));
    await new Promise<void>((resolve) => proxy.server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  /** NATS' URL by way of the proxy. */
  get url(): string {
    return `nats://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Breaks what is connected and takes nobody any more. */
  cut(): void {
    this.open = false;
    for (const socket of this.sockets) socket.destroy();
  }

  mend(): void {
    this.open = true;
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private keep(socket: Socket): Socket {
    this.sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.sockets.delete(socket));
    return socket;
  }
}
