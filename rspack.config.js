import { execFileSync } from 'node:child_process';

/** Every build begins with what the protos say now: a changed .proto needs no step of its own. */
export default function withContracts(options) {
  execFileSync(process.execPath, ['libs/contracts/generate.mjs'], { stdio: 'inherit' });
  return options;
}
