import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerOptions,
  type ServiceDefinition as NativeServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { once } from 'node:events';
import type { ServiceDefinition } from '@rookery/contracts';
import { type Fake, answer, statusOf } from './fake.js';

/** Where a fake is served, and what else grpc-js's server takes. */
export interface ServeFakeOptions {
  /** Default: 127.0.0.1 */
  host?: string;
  /** Default: a free one. */
  port?: number;
  /** Default: plain text. */
  credentials?: ServerCredentials;
  /** grpc-js's options, such as `grpc.max_connection_age_ms`. */
  server?: ServerOptions;
}

/** A fake that listens. */
export interface ServedFake {
  readonly port: number;
  /** `127.0.0.1:<port>` */
  readonly target: string;
  /** Takes no more calls and resolves when those that run have ended. */
  drain(): Promise<void>;
  /** Ends all at once. */
  close(): void;
}

type Bytes = ServerDuplexStream<Buffer, Buffer>;
const asItIs = (bytes: Buffer) => bytes;

/** Serves a fake over a real socket: for a service under test that calls it, in this process or in another. */
export async function serveFake<D extends ServiceDefinition>(
  { service, methods }: Fake<D>,
  {
    host = '127.0.0.1',
    port = 0,
    credentials = ServerCredentials.createInsecure(),
    server: options,
  }: ServeFakeOptions = {},
): Promise<ServedFake> {
  const definition: Record<string, NativeServiceDefinition[string]> = {};
  const implementation: UntypedServiceImplementation = {};
  for (const [name, method] of Object.entries(service.methods)) {
    // On the wire the kinds differ in the number of messages only, so that one handler serves all four.
    definition[name] = {
      path: `/${service.fullName}/${method.name}`,
      requestStream: true,
      responseStream: true,
      requestSerialize: asItIs,
      requestDeserialize: asItIs,
      responseSerialize: asItIs,
      responseDeserialize: asItIs,
    };
    implementation[name] = (call: Bytes) => void serve({ service, methods }, name, call);
  }
  const server = new Server(options);
  server.addService(definition, implementation);
  const bound = await new Promise<number>((resolve, reject) => {
    const address = host.includes(':') ? `[${host}]` : host;
    server.bindAsync(`${address}:${port}`, credentials, (error, free) => (error ? reject(error) : resolve(free)));
  });
  return {
    port: bound,
    target: `${host.includes(':') ? `[${host}]` : host}:${bound}`,
    drain: () => new Promise((resolve, reject) => server.tryShutdown((error) => (error ? reject(error) : resolve()))),
    close: () => server.forceShutdown(),
  };
}

async function serve(fake: Fake, name: string, call: Bytes): Promise<void> {
  const abort = new AbortController();
  call.once('cancelled', () => abort.abort());
  // Who has read the only request has not finished with the call.
  const requests = call.iterator({ destroyOnReturn: false });
  const { signal } = abort;
  const [header, trailer] = [new Metadata(), new Metadata()];
  const received = { metadata: call.metadata, peer: call.getPeer(), signal, header, trailer };
  let begun = false;
  try {
    for await (const reply of answer(fake, name, requests, received)) {
      if (signal.aborted) return;
      if (!begun) call.sendMetadata(header);
      begun = true;
      if (!call.write(reply)) await once(call, 'drain', { signal });
    }
    call.end(trailer);
  } catch (error) {
    if (!signal.aborted) call.emit('error', statusOf(error, fake.service));
  }
}
