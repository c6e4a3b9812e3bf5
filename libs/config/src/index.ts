export { type ConfigClass, loadConfig } from './load-config.js';
export { ConfigError, EXIT_CODE_CONFIG, type ConfigProblem } from './config-error.js';
export { type Documented, documentConfig } from './documentation.js';
export { durationToMs } from './duration.js';
export { Environment } from './environment.js';
export {
  EnvBoolean,
  EnvDuration,
  EnvEnum,
  EnvInteger,
  EnvList,
  EnvNumber,
  EnvString,
  EnvUrl,
  type VariableOptions,
} from './variables.js';
export { RuntimeConfig } from './runtime.config.js';
