import { ANN, PLATFORM, start } from './gateway.fixture.js';
import { type OutgoingStream, type ReceivedCall, serveFake } from './grpc/upstream.fixture.js';

type Reply = object | Promise<object>;

/** A gateway before a user-service that does what a test says; nobody runs the other services. */
export type UsersGateway = Awaited<ReturnType<typeof startUsersGateway>>;

export async function startUsersGateway() {
  /** The last call of each RPC, as the service saw it. */
  const received = new Map<string, ReceivedCall>();
  const note = (rpc: string, reply: (call: ReceivedCall) => Reply) => async (call: ReceivedCall) => {
    received.set(rpc, call);
    return (await reply(call)) as never;
  };
  const asUsual = {
    getUser: (_call: ReceivedCall): Reply => ANN,
    streamUsers: (stream: OutgoingStream): void | Promise<void> => stream.end(),
  };
  const service = await serveFake(PLATFORM, 'user.v1.UserService', {
    GetUser: note('GetUser', (call) => scene.getUser(call)),
    CreateUser: note('CreateUser', ({ request }) => ({ ...request, id: 'u1' })),
    UpdateUser: note('UpdateUser', () => ANN),
    DeleteUser: note('DeleteUser', () => ({})),
    ListUsers: note('ListUsers', () => ({ users: [ANN] })),
    StreamUsers: (stream: OutgoingStream) => void scene.streamUsers(stream),
  });
  const { app, url, close } = await start({
    USER_SERVICE_URL: service.target,
    ORDER_SERVICE_URL: '127.0.0.1:1',
    NOTIFICATION_SERVICE_URL: '127.0.0.1:1',
    GATEWAY_BODY_LIMIT: '2048',
    GATEWAY_TIMEOUT: '5s',
  });
  const scene = {
    ...asUsual,
    app,
    url,
    received,
    get: (path: string, init?: RequestInit) => fetch(url + path, init),
    /** The service does as usual again. */
    reset: () => void Object.assign(scene, asUsual),
    close: async () => {
      await close();
      service.stop();
    },
  };
  return scene;
}
