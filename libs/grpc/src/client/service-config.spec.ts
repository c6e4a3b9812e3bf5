import { UserServiceDefinition } from '@rookery/contracts/user/v1';
import { describe, expect, it } from 'vitest';
import type { MethodsOptions } from './client-options.js';
import { serviceConfig } from './service-config.js';

const UPLOAD = {
  name: 'UploadService',
  fullName: 'upload.v1.UploadService',
  methods: {
    upload: { ...UserServiceDefinition.methods.getUser, name: 'Upload', requestStream: true },
  },
} as const;

const config = (options: MethodsOptions<typeof UserServiceDefinition> = {}) =>
  serviceConfig(UserServiceDefinition, options) as {
    methodConfig: { name: { method: string }[]; retryPolicy?: object }[];
    retryThrottling: object;
  };

const retried = (options?: MethodsOptions<typeof UserServiceDefinition>) =>
  config(options).methodConfig.map(({ name }) => name[0]!.method);

describe('the service config', () => {
  it('has a budget for retries', () => {
    expect(config()).toMatchObject({ retryThrottling: { maxTokens: 100, tokenRatio: 0.1 } });
  });

  it('retries what the proto calls idempotent', () => {
    const safe = Object.values(UserServiceDefinition.methods).filter(({ options }) => 'idempotencyLevel' in options);
    expect(retried()).toEqual(safe.map(({ name }) => name));
    expect(retried()).toContain('GetUser');
    expect(retried()).not.toContain('CreateUser');
    expect(config().methodConfig[0]!.retryPolicy).toEqual({
      maxAttempts: 4,
      initialBackoff: '0.050s',
      maxBackoff: '1.000s',
      backoffMultiplier: 2,
      retryableStatusCodes: ['UNAVAILABLE'],
    });
  });

  it('follows the options: of the method before those of the client before the defaults', () => {
    const retry = { attempts: 2, maxBackoff: '2s' };
    const [first] = config({ retry, methods: { getUser: { retry: { attempts: 3 } } } }).methodConfig;
    expect(first!.retryPolicy).toMatchObject({ maxAttempts: 3, maxBackoff: '2.000s', initialBackoff: '0.050s' });
    expect(retried({ retry: false })).toEqual([]);
    expect(retried({ retry: false, methods: { createUser: { retry: {} } } })).toEqual(['CreateUser']);
    expect(retried({ methods: { getUser: { retry: false } } })).not.toContain('GetUser');
  });

  it.each([
    [{ attempts: 1 }, 'user.v1.UserService/GetUser: retry.attempts must be 2 to 5, the first included; got 1'],
    [{ attempts: 6 }, 'retry.attempts must be 2 to 5'],
    [{ multiplier: 0 }, 'retry.multiplier must be above 0; got 0'],
    [{ initialBackoff: 'soon' }, "retry.initialBackoff takes a duration such as '500ms' or 5000; got soon"],
  ])('refuses the retry policy %j', (retry, message) => {
    expect(() => config({ methods: { getUser: { retry } } })).toThrow(message);
  });

  it('refuses a method that there is not, and policies for a stream of requests', () => {
    expect(() => config({ methods: { getUsr: {} } as never })).toThrow('user.v1.UserService has no method getUsr');
    expect(serviceConfig(UPLOAD, {})).toMatchObject({ methodConfig: [] });
    expect(() => serviceConfig(UPLOAD, { methods: { upload: { retry: {} } } })).toThrow(
      'upload.v1.UploadService/Upload cannot be retried: its requests are a stream',
    );
  });
});
