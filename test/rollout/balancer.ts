import { once } from 'node:events';
import { type AddressInfo, type Server, connect, createServer } from 'node:net';

/** What a Service with an address of its own is to its clients: each new connection goes to a ready pod, in turn. */
export class Balancer {
  private endpoints: readonly string[] = [];
  private turn = 0;
  private readonly server: Server;

  private constructor(private readonly port: number) {
    this.server = createServer((client) => {
      const pod = connect(this.port, this.endpoints[this.turn++ % this.endpoints.length]);
      client.pipe(pod).pipe(client);
      // Whatever ends one side ends the other, and is for the client to see.
      client.on('error', () => pod.destroy()).on('close', () => pod.destroy());
      pod.on('error', () => client.destroy()).on('close', () => client.destroySoon());
    });
  }

  /** @param port where the pods listen */
  static async start(port: number): Promise<Balancer> {
    const balancer = new Balancer(port);
    balancer.server.listen(0, '127.0.0.1');
    await once(balancer.server, 'listening');
    return balancer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  set(endpoints: readonly string[]): void {
    this.endpoints = endpoints;
  }

  close(): void {
    this.server.close();
  }
}
