import {
  BadRequestException,
  ConflictException,
  ForbiddenException,
  ImATeapotException,
  NotFoundException,
  ServiceUnavailableException,
  UnauthorizedException,
} from '@nestjs/common';
import { GrpcNotFoundException, RpcException } from '@nestjs/microservices';
import {
  Aborted,
  AlreadyExists,
  Cancelled,
  Code,
  DataLoss,
  DeadlineExceeded,
  FailedPrecondition,
  Internal,
  InvalidArgument,
  NotFound,
  OutOfRange,
  PermissionDenied,
  ResourceExhausted,
  Unauthenticated,
  Unavailable,
  Unimplemented,
  Unknown,
} from '@rookery/errors';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KINDS, type Kind, reply } from './conformance-service.js';
import { type Handlers, fourKinds } from './four-kinds.controller.js';
import { KINDS_AND_STYLES, STYLES, USUAL } from './handler-styles.js';
import { type StartedServer, startServer } from './start-server.js';

const handlers: Handlers = {};
let started: StartedServer;
beforeAll(async () => (started = await startServer({ controllers: [fourKinds(handlers)] })));
afterAll(() => started.close());

const thrownBy = (kind: Kind, value: unknown, write = USUAL[kind]) => {
  handlers[kind] = () => write({ replies: [], throws: { value } });
  return started.client.call(kind);
};

const options = { reason: 'BECAUSE', domain: 'elsewhere', metadata: { id: '7' } };
const info = { ErrorInfo: options };
const field = { field: 'items[0].sku_code', description: 'is odd' };
const precondition = { type: 'STATE', subject: 'orders/42', description: 'is closed' };

/** One row for each code of the catalogue but INTERNAL, which hides what it says. */
const CATALOGUE = [
  { error: new Cancelled('said', options), details: info },
  { error: new Unknown('said', options), details: info },
  {
    error: new InvalidArgument('said', { ...options, violations: [field] }),
    details: { ...info, BadRequest: { fieldViolations: [expect.objectContaining(field)] } },
  },
  { error: new DeadlineExceeded('said', options), details: info },
  { error: new NotFound('said', options), details: info },
  { error: new AlreadyExists('said', options), details: info },
  { error: new PermissionDenied('said', options), details: info },
  {
    error: new ResourceExhausted('said', { ...options, retryAfter: 1_500 }),
    details: { ...info, RetryInfo: { retryDelay: { seconds: '1', nanos: 500_000_000 } } },
  },
  {
    error: new FailedPrecondition('said', { ...options, violations: [precondition] }),
    details: { ...info, PreconditionFailure: { violations: [precondition] } },
  },
  { error: new Aborted('said', options), details: info },
  { error: new OutOfRange('said', options), details: info },
  { error: new Unimplemented('said', options), details: info },
  { error: new Unavailable('said', options), details: info },
  { error: new DataLoss('said', options), details: info },
  { error: new Unauthenticated('said', options), details: info },
].map((row) => ({ ...row, name: row.error.name, code: Code[row.error.code] }));

const SECRET = 'SELECT password FROM users';
const HIDDEN = { code: 'INTERNAL', message: 'internal error' };

const FOREIGN = [
  {
    name: 'NotFoundException',
    thrown: new NotFoundException('gone'),
    expected: { code: 'NOT_FOUND', message: 'gone' },
  },
  { name: 'BadRequestException', thrown: new BadRequestException('bad'), expected: { code: 'INVALID_ARGUMENT' } },
  { name: 'UnauthorizedException', thrown: new UnauthorizedException(), expected: { code: 'UNAUTHENTICATED' } },
  { name: 'ForbiddenException', thrown: new ForbiddenException(), expected: { code: 'PERMISSION_DENIED' } },
  { name: 'ConflictException', thrown: new ConflictException('now'), expected: { code: 'ABORTED', message: 'now' } },
  { name: 'ServiceUnavailableException', thrown: new ServiceUnavailableException(), expected: { code: 'UNAVAILABLE' } },
  { name: 'an HttpException without a code of gRPC', thrown: new ImATeapotException(SECRET), expected: HIDDEN },
  {
    name: 'RpcException with a code',
    thrown: new RpcException({ code: Code.OUT_OF_RANGE, message: 'far' }),
    expected: { code: 'OUT_OF_RANGE', message: 'far' },
  },
  { name: 'RpcException with a text', thrown: new RpcException(SECRET), expected: HIDDEN },
  {
    name: 'GrpcNotFoundException',
    thrown: new GrpcNotFoundException('gone'),
    expected: { code: 'NOT_FOUND', message: 'gone' },
  },
  { name: 'Internal', thrown: new Internal(SECRET), expected: HIDDEN },
  { name: 'an Error', thrown: new Error(SECRET), expected: HIDDEN },
  { name: 'a TypeError', thrown: new TypeError(SECRET), expected: HIDDEN },
  { name: 'a string', thrown: SECRET, expected: HIDDEN },
  { name: 'undefined', thrown: undefined, expected: HIDDEN },
  { name: 'null', thrown: null, expected: HIDDEN },
  { name: 'an object', thrown: { secret: SECRET }, expected: HIDDEN },
];

describe.each(KINDS)('%s', (kind) => {
  it.each(CATALOGUE)('sends $name as $code with its details', async ({ error, code, details }) => {
    expect(await thrownBy(kind, error)).toMatchObject({ code, message: 'said', details, replies: [] });
  });

  it.each(FOREIGN)('sends what $name means and nothing that it hides', async ({ thrown, expected }) => {
    const answer = await thrownBy(kind, thrown);
    expect(answer).toMatchObject(expected);
    expect(answer.details.ErrorInfo).toMatchObject({ reason: answer.code, domain: 'conformance' });
    expect(JSON.stringify(answer.trailers.toHttp2Headers())).not.toMatch(/SELECT|\.ts:|\.js:/);
    const [status] = answer.trailers.get('grpc-status-details-bin');
    expect(status?.toString('utf8')).not.toMatch(/SELECT|\.ts:|\.js:/);
  });
});

it.each(KINDS_AND_STYLES)('$kind, written as $style, fails with details', async ({ kind, write }) => {
  const answer = await thrownBy(kind, new NotFound('no such thing', options), write);
  expect(answer).toMatchObject({ code: 'NOT_FOUND', message: 'no such thing', replies: [], details: info });
});

describe.each(['serverStream', 'bidi'] as const)('%s', (kind) => {
  it.each(Object.entries(STYLES[kind]))('fails in the middle, written as %s', async (_, write) => {
    const replies = [reply('a', 1), reply('a', 2)];
    handlers[kind] = () => write({ replies, throws: { value: new NotFound('lost', options) } });
    expect(await started.client.call(kind)).toMatchObject({
      code: 'NOT_FOUND',
      message: 'lost',
      replies,
      details: info,
    });
  });

  it.each(Object.entries(STYLES[kind]))('hides a defect in the middle, written as %s', async (_, write) => {
    handlers[kind] = () => write({ replies: [reply('a')], throws: { value: new Error(SECRET) } });
    expect(await started.client.call(kind)).toMatchObject({ ...HIDDEN, replies: [reply('a')] });
  });
});

it.each(['Unserved', 'NeverHeardOf'])('answers UNIMPLEMENTED for %s', async (rpc) => {
  expect(await started.client.call(rpc)).toMatchObject({ code: 'UNIMPLEMENTED', replies: [] });
});
