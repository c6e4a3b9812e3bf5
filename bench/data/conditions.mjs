import { cpus } from 'node:os';
import { PINNED } from '../load/cores.mjs';
import { NODE_FLAGS } from '../servers/start-server.mjs';

/** Where the figures were measured. */
export function conditions() {
  return {
    node: process.version,
    nodeFlags: NODE_FLAGS,
    cpu: cpus()[0].model.trim(),
    cores: cpus().length,
    pinned: PINNED,
  };
}
