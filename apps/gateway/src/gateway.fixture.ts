import { Environment } from '@rookery/config';
import { DESCRIPTOR_SET_BASE64 } from '@rookery/contracts';
import { type Problem } from '@rookery/errors';
import { expect } from 'vitest';
import { createGateway } from './gateway.js';

/** The platform's own protos. */
export const PLATFORM = Buffer.from(DESCRIPTOR_SET_BASE64, 'base64');
export const QUIET = { LOG_LEVEL: 'silent', HTTP_PORT: '0' };
export const ANN = { id: 'u1', email: 'ann@example.com', name: 'Ann' };

/** A gateway on a free port. */
export async function start(variables: Record<string, string>, descriptors?: Uint8Array) {
  const gateway = await createGateway({ environment: new Environment({ ...QUIET, ...variables }), descriptors });
  await gateway.listen();
  return gateway;
}

/** A request with a JSON body; a text is sent as it is. */
export function send(method: string, body: unknown, headers: Record<string, string> = {}): RequestInit {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return { method, body: text, headers: { 'content-type': 'application/json', ...headers } };
}

/** The problem that an answer is, checked for what every problem has and must not have. */
export async function problemOf(response: Response): Promise<Problem & { requestId: string }> {
  expect(response.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
  const problem = (await response.json()) as Problem & { requestId: string };
  expect(problem.status).toBe(response.status);
  expect(problem.requestId).toBe(response.headers.get('x-request-id'));
  expect(JSON.stringify(problem)).not.toMatch(/\bat .*\.[jt]s:\d|127\.0\.0\.1/);
  return problem;
}

/** The first `count` events of an answer, comments left out; all of them when it ends before. */
export async function events(response: Response, count = Number.POSITIVE_INFINITY): Promise<string[]> {
  const decoder = new TextDecoder();
  let text = '';
  const complete = () =>
    text
      .split('\n\n')
      .slice(0, -1)
      .filter((event) => !event.startsWith(':'));
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    if (complete().length >= count) break;
  }
  return complete().slice(0, count);
}
