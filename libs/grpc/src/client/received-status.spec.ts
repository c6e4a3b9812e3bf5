import { Metadata } from '@grpc/grpc-js';
import { Code, InvalidArgument, NotFound, toProblem, toStatus } from '@rookery/errors';
import { describe, expect, it } from 'vitest';
import { fromReceived } from './received-status.js';

const LEAK = 'connect ECONNREFUSED 10.1.2.3:50051';
const received = (code: Code, error?: unknown, details = LEAK) => {
  const metadata = new Metadata();
  if (error) metadata.set('grpc-status-details-bin', toStatus(error, 'user-service').details);
  return { code, details, metadata };
};
const problem = (code: Code, details?: string) =>
  toProblem(fromReceived(received(code, undefined, details), 'user-service', { timeout: 1500.4 }));

describe('fromReceived', () => {
  it("gives a service's own words on", () => {
    const violations = [{ field: 'email', description: 'is taken' }];
    const status = received(Code.INVALID_ARGUMENT, new InvalidArgument('no', { violations }));
    expect(fromReceived(status, 'user-service')).toMatchObject({ violations, domain: 'user-service' });
  });

  it("gives a foreign service's verdict on the request on", () => {
    const error = fromReceived({ code: Code.NOT_FOUND, details: 'no such user' }, 'user-service');
    expect(error).toBeInstanceOf(NotFound);
    expect(error.message).toBe('no such user');
  });

  it.each([Code.UNAVAILABLE, Code.DEADLINE_EXCEEDED, Code.INTERNAL, Code.UNKNOWN, Code.DATA_LOSS, Code.CANCELLED])(
    'never shows what grpc-js says with code %i',
    (code) => expect(JSON.stringify(problem(code))).not.toContain('10.1.2.3'),
  );

  it('names the service that cannot be reached', () => {
    const expected = { status: 503, detail: 'user-service cannot be reached right now; try again.' };
    expect(problem(Code.UNAVAILABLE)).toMatchObject(expected);
    for (const waiting of ['waiting for name resolution', 'previous attempts: 2,Waiting for LB pick']) {
      expect(problem(Code.DEADLINE_EXCEEDED, `Deadline exceeded after 1.500s,${waiting}`)).toMatchObject(expected);
    }
    const broke = 'Received RST_STREAM with code 2 triggered by internal client error: write EPIPE';
    expect(problem(Code.INTERNAL, broke)).toMatchObject(expected);
  });

  it('tells slow from unreachable', () => {
    const details = 'Deadline exceeded after 1.500s,LB pick: 0.001s,remote_addr=10.1.2.3:50051';
    expect(problem(Code.DEADLINE_EXCEEDED, details)).toMatchObject({
      status: 504,
      detail: 'user-service did not answer within 1500 ms.',
    });
  });
});
