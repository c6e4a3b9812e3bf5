import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const ROOT = join(import.meta.dirname, '../../../..');

/** Compiles protos with buf, as libs/contracts does: a FileDescriptorSet with imports and comments. */
export function buildDescriptors(protos: Readonly<Record<string, string>>): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-protos-'));
  try {
    cpSync(join(ROOT, 'libs/contracts/third_party/googleapis'), join(folder, 'googleapis'), { recursive: true });
    writeFileSync(join(folder, 'buf.yaml'), 'version: v2\nmodules:\n  - path: protos\n  - path: googleapis\n');
    for (const [path, text] of Object.entries(protos)) {
      mkdirSync(dirname(join(folder, 'protos', path)), { recursive: true });
      writeFileSync(join(folder, 'protos', path), text);
    }
    execFileSync(join(ROOT, 'node_modules/.bin/buf'), ['build', 'protos', '-o', 'set.binpb'], { cwd: folder });
    return readFileSync(join(folder, 'set.binpb'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
