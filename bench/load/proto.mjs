import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The path of the bench's proto. Put together by hand, so that a bundler does not take it for a file to copy. */
export const PROTO = join(dirname(fileURLToPath(import.meta.url)), '..', 'proto/bench/v1/bench.proto');
