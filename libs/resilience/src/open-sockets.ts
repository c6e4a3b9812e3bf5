import type { Server, Socket } from 'node:net';

/**
 * The sockets of a server, so that its stop does not depend on what clients do: Node's servers wait for connections on
 * which nothing was ever sent (browsers and balancers open some ahead), and for peers that do not read.
 */
export class OpenSockets {
  private readonly sockets = new Set<Socket>();

  /** Watches `server`, of `node:http`, `node:http2` or `node:net`, from now on. */
  watch(server: Server): void {
    server.on('connection', (socket: Socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
  }

  /** Closes those on which nothing has come: nobody waits for anything there. */
  closeUnused(): void {
    for (const socket of this.sockets) if (socket.bytesRead === 0) socket.destroy();
  }

  /** Closes all, whatever their clients do. */
  closeAll(): void {
    for (const socket of this.sockets) socket.destroy();
  }
}
