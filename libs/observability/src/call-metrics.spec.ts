import { Code } from '@rookery/errors';
import { expect, it } from 'vitest';
import { CallMetrics } from './call-metrics.js';
import { Metrics } from './metrics.js';

const PREFIX = 'grpc_server_handling_seconds';
const labels = (code: string) => `grpc_service="user.v1.UserService",grpc_method="GetUser",grpc_code="${code}"`;

it('counts calls by method and code as a histogram of Prometheus', async () => {
  const metrics = new Metrics();
  const method = new CallMetrics(metrics).ofMethod('user.v1.UserService', 'GetUser');
  method.inFlight += 4;
  method.ended(Code.OK, 0.001);
  method.ended(Code.OK, 0.3);
  method.ended(Code.NOT_FOUND, 20);
  const text = await metrics.registry.metrics();
  const bucket = (le: string, code = 'OK') =>
    Number(text.split(`${PREFIX}_bucket{le="${le}",${labels(code)}} `)[1]?.split('\n')[0]);

  expect(text).toContain(`# TYPE ${PREFIX} histogram`);
  expect(['0.001', '0.25', '0.5', '10', '+Inf'].map((le) => bucket(le))).toEqual([1, 1, 2, 2, 2]);
  expect(['10', '+Inf'].map((le) => bucket(le, 'NOT_FOUND'))).toEqual([0, 1]);
  expect(text).toContain(`${PREFIX}_sum{${labels('OK')}} 0.301`);
  expect(text).toContain(`${PREFIX}_count{${labels('OK')}} 2`);
  expect(text).toContain('grpc_server_in_flight{grpc_service="user.v1.UserService",grpc_method="GetUser"} 1');
});

it('says nothing of codes that no call has ended with', async () => {
  const metrics = new Metrics();
  new CallMetrics(metrics).ofMethod('user.v1.UserService', 'GetUser');
  expect(await metrics.registry.getSingleMetricAsString(PREFIX)).not.toContain('_bucket');
});
