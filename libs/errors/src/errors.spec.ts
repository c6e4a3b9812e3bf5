import { BadRequestException, ConflictException } from '@nestjs/common';
import { RpcException } from '@nestjs/microservices';
import { describe, expect, it } from 'vitest';
import {
  AlreadyExists,
  Code,
  FailedPrecondition,
  InvalidArgument,
  NotFound,
  ResourceExhausted,
  type RookeryError,
  fromStatus,
  toProblem,
  toRookeryError,
  toStatus,
} from './index.js';

function roundTrip(error: unknown): RookeryError {
  const { code, message, details } = toStatus(error, 'user-service');
  return fromStatus({ code, message, details });
}

describe('a status carries an error and back', () => {
  it('with reason, domain and metadata', () => {
    const back = roundTrip(new NotFound('no user 7', { reason: 'USER_NOT_FOUND', metadata: { id: '7' } }));
    expect(back).toBeInstanceOf(NotFound);
    expect(back).toMatchObject({
      message: 'no user 7',
      reason: 'USER_NOT_FOUND',
      domain: 'user-service',
      metadata: { id: '7' },
    });
  });

  it('with the fields that are wrong', () => {
    const violations = [{ field: 'items[0].unit_price', description: 'must be positive' }];
    expect(roundTrip(new InvalidArgument('bad', { violations }))).toMatchObject({ violations });
  });

  it('with the preconditions that do not hold', () => {
    const violations = [{ type: 'STATE', subject: 'orders/1', description: 'is cancelled' }];
    expect(roundTrip(new FailedPrecondition('no', { violations }))).toMatchObject({ violations });
  });

  it('with the time to wait, to the millisecond', () => {
    expect(roundTrip(new ResourceExhausted('slow down', { retryAfter: 1250 }))).toMatchObject({ retryAfter: 1250 });
  });

  it('ignores a detail that is broken inside a status that is not', () => {
    const { details } = toStatus(new InvalidArgument('bad', { violations: [{ field: 'f', description: 'd' }] }), 'x');
    // The last byte belongs to the packed BadRequest: its text now ends beyond its end.
    const broken = Buffer.from(details);
    broken[broken.length - 2] = 0x7f;
    const error = fromStatus({ code: 3, message: 'bad', details: broken });
    expect(error).toBeInstanceOf(InvalidArgument);
  });

  it('stays small enough for HTTP/2 headers, whatever is thrown', () => {
    const violations = Array.from({ length: 500 }, (_, index) => ({
      field: `f${index}`,
      description: 'x'.repeat(100),
    }));
    const status = toStatus(new InvalidArgument('m'.repeat(50_000), { violations, reason: 'TOO_MUCH' }), 'x');
    expect(status.details.length + status.message.length).toBeLessThan(6_000);
    expect(fromStatus(status).reason).toBe('TOO_MUCH');
    const vast = toStatus(new NotFound('x', { metadata: { all: 'y'.repeat(50_000) } }), 'x');
    expect(vast.details.length).toBeLessThan(6_000);
  });

  it('ignores details that are no status', () => {
    const error = fromStatus({ code: 5, message: 'gone', details: Buffer.from([255, 255, 255]) });
    expect(error).toBeInstanceOf(NotFound);
    expect(error.reason).toBe('NOT_FOUND');
  });

  it.each(Object.values(Code).filter((code): code is Code => typeof code === 'number' && code > 0))(
    'keeps code %i',
    (code) => expect(fromStatus({ code, message: 'x' }).code).toBe(code),
  );
});

describe('anything thrown', () => {
  it('hides what is none of the caller’s business and keeps it as the cause', () => {
    const defect = new Error('SELECT * FROM secrets');
    const error = toRookeryError(defect);
    expect(error).toMatchObject({ code: Code.INTERNAL, message: 'internal error', cause: defect });
    expect(toStatus(defect, 'x').details.toString()).not.toContain('secrets');
    expect(toRookeryError('a string').code).toBe(Code.INTERNAL);
  });

  it('keeps the meaning of Nest’s exceptions', () => {
    expect(toRookeryError(new BadRequestException('no')).code).toBe(Code.INVALID_ARGUMENT);
    expect(toRookeryError(new ConflictException('no')).code).toBe(Code.ABORTED);
    expect(toRookeryError(new RpcException({ code: 5, message: 'gone' }))).toMatchObject({ message: 'gone', code: 5 });
    expect(toRookeryError(new RpcException('secret')).message).toBe('internal error');
  });
});

describe('a problem (RFC 9457)', () => {
  it('has status, title and the reason', () => {
    expect(toProblem(new AlreadyExists('taken', { reason: 'EMAIL_TAKEN' }), '/v1/users')).toMatchObject({
      type: 'about:blank',
      title: 'Already exists',
      status: 409,
      detail: 'taken',
      instance: '/v1/users',
      code: 'ALREADY_EXISTS',
      reason: 'EMAIL_TAKEN',
    });
  });

  it('names fields as JSON does', () => {
    const violations = [{ field: 'items[2].unit_price', description: 'must be set' }];
    expect(toProblem(new InvalidArgument('bad', { violations })).violations).toEqual([
      { field: 'items[2].unitPrice', description: 'must be set' },
    ]);
  });
});
