import { EnvEnum } from './variables.js';

/** Where the process runs. */
export class RuntimeConfig {
  @EnvEnum({
    name: 'NODE_ENV',
    description: 'In production nothing embedded is ever used and infrastructure URLs must be set.',
    values: ['development', 'test', 'production'],
    default: 'development',
  })
  readonly nodeEnv!: 'development' | 'test' | 'production';
}
