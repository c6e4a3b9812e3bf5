import { breaking } from './checks/breaking.check.js';
import { configuration } from './checks/configuration.check.js';
import { infrastructure } from './checks/infrastructure.check.js';
import { migrations } from './checks/migrations.check.js';
import { paramtypes } from './checks/paramtypes.check.js';
import { ports } from './checks/ports.check.js';
import { protos } from './checks/protos.check.js';
import { versions } from './checks/versions.check.js';
import type { Check } from './finding.js';

/** All of them, in the order in which they are reported. */
export const CHECKS: readonly Check[] = [
  versions,
  ports,
  protos,
  paramtypes,
  migrations,
  configuration,
  breaking,
  infrastructure,
];
