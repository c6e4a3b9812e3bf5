import { expect, it } from 'vitest';
import { LowWaterMark } from './low-water-mark.js';

it('rises to what was empty once every transaction of that time has ended', () => {
  const mark = new LowWaterMark();
  mark.observe({ first: 101, allEndedBelow: 50n, noneBegunFrom: 60n }, 0);
  expect(mark.position).toBe(0);
  mark.observe({ first: 201, allEndedBelow: 59n, noneBegunFrom: 70n }, 20_000);
  expect(mark.position).toBe(0);
  mark.observe({ first: 301, allEndedBelow: 60n, noneBegunFrom: 80n }, 21_000);
  expect(mark.position).toBe(100);
});

it('gives an insert that has its position and no transaction id yet ten seconds', () => {
  const mark = new LowWaterMark();
  mark.observe({ first: 101, allEndedBelow: 60n, noneBegunFrom: 60n }, 0);
  mark.observe({ first: 101, allEndedBelow: 60n, noneBegunFrom: 60n }, 9_999);
  expect(mark.position).toBe(0);
  mark.observe({ first: 101, allEndedBelow: 60n, noneBegunFrom: 60n }, 10_000);
  expect(mark.position).toBe(100);
});

it('falls when something appears below it all the same', () => {
  const mark = new LowWaterMark();
  mark.observe({ first: 101, allEndedBelow: 60n, noneBegunFrom: 60n }, 0);
  mark.observe({ first: 101, allEndedBelow: 60n, noneBegunFrom: 60n }, 10_000);
  mark.observe({ first: 42, allEndedBelow: 61n, noneBegunFrom: 61n }, 11_000);
  expect(mark.position).toBe(41);
});
