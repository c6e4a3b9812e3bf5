import { describe, expect, it } from 'vitest';
import { mergeServiceFiles, readGenerated, writeGenerated } from './merge-service-files.js';

const PATH = 'payment.service.ts';

/** A provider as it is generated, with a method for each name. */
function provider(...methods: string[]): string {
  const types = methods.map((name) => name[0]!.toUpperCase() + name.slice(1));
  return `import { Injectable } from '@nestjs/common';
import type { Payment } from '@rookery/contracts/payment/v1';
import { Unimplemented } from '@rookery/errors';
import type { ${types.map((type) => `${type}Dto`).join(', ')} } from './payment.dto.js';

@Injectable()
export class PaymentService {
${methods
  .map(
    (name, index) => `  async ${name}(_request: ${types[index]}Dto): Promise<Payment> {
    throw new Unimplemented('${types[index]} is not implemented yet');
  }
`,
  )
  .join('\n')}}
`;
}

/** What becomes of one file. */
async function merge({ before, now, yours }: { before?: string; now?: string; yours?: string }) {
  const one = (text?: string) => new Map(text === undefined ? [] : [[PATH, text]]);
  const result = await mergeServiceFiles({ folder: '.', before: one(before), now: one(now), read: () => yours });
  return { written: result.files.get(PATH), left: result.left, remembered: result.generated.get(PATH) };
}

/** `getPayment` is implemented: its body has changed, and so have the imports. */
const implemented = provider('getPayment', 'pay')
  .replace('_request: GetPaymentDto', '{ id }: GetPaymentDto')
  .replace(
    `throw new Unimplemented('GetPayment is not implemented yet');`,
    'return (await this.find(id)) ?? refuse(id);',
  )
  .replace(`import { Unimplemented }`, `import { NotFound, Unimplemented }`)
  .replace(`\nimport type { GetPay`, `\nimport { Ledger } from './ledger.js';\nimport type { GetPay`)
  .concat(`\nfunction refuse(id: string): never {\n  throw new NotFound(new Ledger().say(id));\n}\n`);

describe('a file that was generated', () => {
  const before = provider('getPayment', 'pay');
  const now = provider('getPayment', 'pay', 'refund');

  it('is written when it is new', async () => {
    expect(await merge({ now })).toEqual({ written: now, left: [], remembered: now });
  });

  it('is replaced when nobody has edited it', async () => {
    expect(await merge({ before, now, yours: before })).toEqual({ written: now, left: [], remembered: now });
  });

  it('stays as it is when the proto has not changed', async () => {
    expect(await merge({ before, now: before, yours: implemented })).toEqual({
      written: undefined,
      left: [],
      remembered: before,
    });
  });

  it('gets what is new beside what was edited', async () => {
    const { written, left, remembered } = await merge({ before, now, yours: implemented });
    expect(left).toEqual([]);
    expect(remembered).toBe(now);
    expect(written).toContain('return (await this.find(id)) ?? refuse(id);');
    expect(written).toContain('async refund(_request: RefundDto): Promise<Payment> {');
    expect(written).toContain(`import { NotFound, Unimplemented } from '@rookery/errors';`);
    expect(written).toContain(`import { Ledger } from './ledger.js';`);
    expect(written).toContain(`import type { GetPaymentDto, PayDto, RefundDto } from './payment.dto.js';`);
  });

  it('imports again what the new part needs, and no longer what was generated for a part that is gone', async () => {
    const all = implemented.replace(
      /import \{ NotFound, Unimplemented \}.*\n/,
      `import { NotFound } from '@rookery/errors';\n`,
    );
    const yours = all.replace(`throw new Unimplemented('Pay is not implemented yet')`, 'return this.paid');
    expect((await merge({ before, now, yours })).written).toContain(`import { NotFound, Unimplemented } from`);
    const less = await merge({
      before: now,
      now: before,
      yours: now.replace('GetPayment is not', 'GetPayment is never'),
    });
    expect(less.written).toContain('GetPayment is never implemented');
    expect(less.written).not.toMatch(/refund/i);
  });

  it('is left alone, and listed with what could not be added, when both have changed the same place', async () => {
    const yours = before.replace('async pay(_request: PayDto)', 'async pay({ sum }: PayDto)');
    const changed = before.replace('async pay(_request: PayDto)', 'async pay(_request: PayDto2)');
    expect(await merge({ before, now: changed, yours })).toEqual({
      written: undefined,
      left: [
        {
          path: PATH,
          reason: 'you and the proto have changed the same place',
          missing: ['  async pay(_request: PayDto2): Promise<Payment> {'],
        },
      ],
      // So that the next time tries again.
      remembered: before,
    });
  });

  it('is not made again when it was removed', async () => {
    const { written, left } = await merge({ before, now });
    expect(written).toBeUndefined();
    expect(left).toEqual([expect.objectContaining({ path: PATH, reason: 'you have removed it' })]);
  });

  it('is not taken away when the proto no longer has it', async () => {
    const { written, left, remembered } = await merge({ before, yours: before });
    expect(written).toBeUndefined();
    expect(left).toEqual([{ path: PATH, reason: 'the proto no longer has it', missing: [] }]);
    expect(remembered).toBe(before);
  });

  it('does not replace one that somebody else wrote', async () => {
    const { written, left } = await merge({ now, yours: 'export const mine = 1;\n' });
    expect(written).toBeUndefined();
    expect(left[0]).toMatchObject({ reason: 'it was there already' });
  });
});

it('what was generated is remembered in one file, whose order says nothing', () => {
  const files = new Map([
    ['b.ts', 'b\n'],
    ['a.ts', 'a\n'],
  ]);
  const text = writeGenerated(files);
  expect(text).toBe('{\n  "a.ts": "a\\n",\n  "b.ts": "b\\n"\n}\n');
  expect(readGenerated(text)).toEqual(files);
  expect(readGenerated(undefined)).toEqual(new Map());
});
