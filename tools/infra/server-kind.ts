import { connect } from 'node:net';

/** What has to be known to run one kind of server: the only place where Redis and NATS differ. */
export interface ServerKind {
  readonly name: 'redis' | 'nats';
  readonly title: string;
  /** The variable that names a server of one's own. */
  readonly variable: string;
  readonly programs: readonly string[];
  readonly debianPackage: string;
  readonly brewFormula: string;
  readonly image: string;
  readonly containerPort: number;
  readonly containerArguments: readonly string[];
  programArguments(port: number, dataDir: string): string[];
  url(port: number): string;
  /** Whether the server on this port of 127.0.0.1 serves now. */
  answers(port: number): Promise<boolean>;
}

// Both greet within a millisecond when they are well.
const GREETING = 2_000;

/**
 * What a server says first, or in reply to `request`, up to the end of the line; an empty text when it cannot be
 * reached or stays silent for 2 s.
 */
export function firstLine(port: number, request = ''): Promise<string> {
  return new Promise((resolve) => {
    let received = '';
    const socket = connect({ host: '127.0.0.1', port }, () => request && socket.write(request));
    const end = (line: string) => {
      resolve(line);
      socket.destroy();
    };
    socket.setTimeout(GREETING, () => end(''));
    socket.on('data', (chunk) => {
      received += chunk.toString();
      if (received.includes('\n')) end(received.slice(0, received.indexOf('\n')).trim());
    });
    socket.on('error', () => end(''));
    socket.on('close', () => end(''));
  });
}
