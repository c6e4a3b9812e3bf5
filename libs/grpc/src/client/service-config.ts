import type { MethodDefinition, ServiceDefinition } from '@rookery/contracts';
import { type Duration, milliseconds } from './call-options.js';
import {
  DEFAULT_HEDGE,
  DEFAULT_RETRY,
  type HedgePolicy,
  type MethodsOptions,
  type RetryPolicy,
} from './client-options.js';
import { LOAD_BALANCING } from './load-balancing.js';

/** grpc-js quietly makes no more (`grpc-node.retry_max_attempts_limit`), so more is refused. */
const MOST_ATTEMPTS = 5;

/**
 * The retry budget of a channel (gRFC A6): an attempt that fails costs a token, a success gives back a tenth; below half
 * of them nobody retries. So a burst of 50 failures is retried, and in the long run one call in ten.
 */
const RETRY_BUDGET = { maxTokens: 100, tokenRatio: 0.1 };

/**
 * What gRPC calls the service config: how calls are spread and which of them are retried, per method.
 *
 * Timeouts are not in it although it could hold them: grpc-js counts them from the end of name resolution only, and
 * reads "0.5s" as 5 ns. They are deadlines of the calls instead.
 * @see https://github.com/grpc/grpc/blob/master/doc/service_config.md
 * @throws {TypeError} for options that contradict the proto or each other
 */
export function serviceConfig<D extends ServiceDefinition>(service: D, options: MethodsOptions<D>): object {
  const methods = Object.entries(options.methods ?? {});
  const unknown = methods.find(([name]) => !(name in service.methods));
  if (unknown) throw new TypeError(`${service.fullName} has no method ${unknown[0]}`);
  return {
    loadBalancingConfig: LOAD_BALANCING,
    retryThrottling: RETRY_BUDGET,
    methodConfig: Object.entries(service.methods).flatMap(([name, method]) => {
      const policy = policyOf(`${service.fullName}/${method.name}`, method, options, name);
      return policy ? [{ name: [{ service: service.fullName, method: method.name }], ...policy }] : [];
    }),
  };
}

function policyOf(rpc: string, method: MethodDefinition, { methods, retry: general }: MethodsOptions, name: string) {
  const { idempotencyLevel } = method.options;
  const { retry, hedge } = methods?.[name] ?? {};
  if (hedge) {
    if (retry) throw new TypeError(`${rpc} cannot have both retry and hedge: gRPC knows one of them per method`);
    if (idempotencyLevel !== 'NO_SIDE_EFFECTS') {
      const level = idempotencyLevel ?? 'IDEMPOTENCY_UNKNOWN';
      throw new TypeError(`${rpc} cannot be hedged: its idempotency_level is ${level}, hedging takes NO_SIDE_EFFECTS`);
    }
    refuseRequestStream(rpc, method, 'hedged');
    return { hedgingPolicy: hedging(rpc, hedge) };
  }
  if (retry) {
    refuseRequestStream(rpc, method, 'retried');
    return { retryPolicy: retrying(rpc, { ...DEFAULT_RETRY, ...(general || undefined), ...retry }) };
  }
  const byDefault = idempotencyLevel !== undefined && !method.requestStream;
  if (retry === false || general === false || !byDefault) return undefined;
  return { retryPolicy: retrying(rpc, { ...DEFAULT_RETRY, ...general }) };
}

/** What a source has yielded is gone; and grpc-js 1.14 loses the write that overflows its buffer between two attempts. */
function refuseRequestStream(rpc: string, { requestStream }: MethodDefinition, what: string): void {
  if (requestStream) throw new TypeError(`${rpc} cannot be ${what}: its requests are a stream`);
}

function retrying(rpc: string, policy: Required<RetryPolicy>) {
  if (!(policy.multiplier > 0))
    throw new TypeError(`${rpc}: retry.multiplier must be above 0; got ${policy.multiplier}`);
  return {
    maxAttempts: attempts(rpc, 'retry', policy.attempts),
    initialBackoff: seconds(policy.initialBackoff, `${rpc}: retry.initialBackoff`),
    maxBackoff: seconds(policy.maxBackoff, `${rpc}: retry.maxBackoff`),
    backoffMultiplier: policy.multiplier,
    retryableStatusCodes: policy.codes,
  };
}

function hedging(rpc: string, hedge: HedgePolicy) {
  const policy = { ...DEFAULT_HEDGE, ...hedge };
  return {
    maxAttempts: attempts(rpc, 'hedge', policy.attempts),
    hedgingDelay: seconds(policy.delay, `${rpc}: hedge.delay`),
    nonFatalStatusCodes: policy.codes,
  };
}

function attempts(rpc: string, policy: string, count: number): number {
  if (Number.isInteger(count) && count >= 2 && count <= MOST_ATTEMPTS) return count;
  throw new TypeError(`${rpc}: ${policy}.attempts must be 2 to ${MOST_ATTEMPTS}, the first included; got ${count}`);
}

function seconds(duration: Duration, what: string): string {
  return `${(milliseconds(duration, what) / 1000).toFixed(3)}s`;
}
