import { expect, it } from 'vitest';
import { LowWaterMark } from './low-water-mark.js';

it('rises to what was empty once every transaction of that time has ended', () => {
  const mark = new LowWaterMark();
  mark.observe({ first: 101, last: 400, allEndedBelow: 50n, noneBegunFrom: 60n }, 0);
  expect(mark.position).toBe(0);
  mark.observe({ first: 201, last: 500, allEndedBelow: 59n, noneBegunFrom: 70n }, 20_000);
  expect([mark.position, mark.settled]).toEqual([0, 0]);
  mark.observe({ first: 301, last: 600, allEndedBelow: 60n, noneBegunFrom: 80n }, 21_000);
  expect([mark.position, mark.settled]).toEqual([300, 400]);
  // Between these two a transaction that began later may still put something.
  mark.observe({ first: 501, last: 600, allEndedBelow: 60n, noneBegunFrom: 80n }, 22_000);
  expect([mark.position, mark.settled]).toEqual([400, 400]);
});

it('gives an insert that has its position and no transaction id yet ten seconds', () => {
  const mark = new LowWaterMark();
  mark.observe({ first: 101, last: 100, allEndedBelow: 60n, noneBegunFrom: 60n }, 0);
  mark.observe({ first: 101, last: 100, allEndedBelow: 60n, noneBegunFrom: 60n }, 9_999);
  expect(mark.position).toBe(0);
  mark.observe({ first: 101, last: 100, allEndedBelow: 60n, noneBegunFrom: 60n }, 10_000);
  expect(mark.position).toBe(100);
});

it('falls when something appears below it all the same', () => {
  const mark = new LowWaterMark();
  mark.observe({ first: 101, last: 100, allEndedBelow: 60n, noneBegunFrom: 60n }, 0);
  mark.observe({ first: 101, last: 100, allEndedBelow: 60n, noneBegunFrom: 60n }, 10_000);
  mark.observe({ first: 42, last: 100, allEndedBelow: 61n, noneBegunFrom: 61n }, 11_000);
  expect(mark.position).toBe(41);
});

it('tells at once what is settled but for that', () => {
  const mark = new LowWaterMark();
  mark.observe({ first: 1, last: 100, allEndedBelow: 50n, noneBegunFrom: 60n }, 0);
  mark.observe({ first: 1, last: 200, allEndedBelow: 59n, noneBegunFrom: 70n }, 1_000);
  expect(mark.likely).toBe(0);
  mark.observe({ first: 1, last: 300, allEndedBelow: 60n, noneBegunFrom: 80n }, 2_000);
  expect([mark.likely, mark.settled]).toEqual([100, 0]);
  mark.observe({ first: 1, last: 400, allEndedBelow: 80n, noneBegunFrom: 90n }, 3_000);
  expect(mark.likely).toBe(300);
});
