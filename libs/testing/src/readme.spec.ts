import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

it.each(['libs/testing/src/example.spec.ts', 'test/integration/grpc/client-fakes.spec.ts'])(
  'the page shows %s, which runs',
  (path) => {
    expect(readFileSync('libs/testing/README.md', 'utf8')).toContain(`\`\`\`ts\n${readFileSync(path, 'utf8')}\`\`\`\n`);
  },
);
