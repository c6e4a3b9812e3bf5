// Raw grpc-js; proto-loader reads the proto at start.
import { loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { PROTO } from '../load/proto.mjs';
import { serveRaw } from './raw.mjs';

serveRaw(loadPackageDefinition(loadSync(PROTO)).bench.v1.BenchService.service);
