import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { GOOGLEAPIS_ROOT, PROTO_ROOT } from './conformance-service.js';

const BUF = join(import.meta.dirname, '../../node_modules/.bin/buf');

/** What `buf curl` printed and how it ended. */
export interface CurlAnswer {
  /** gRPC status code: buf exits with it, shifted by three bits. */
  code: number;
  replies: object[];
  /** Its own account of the error: code, message, details. */
  error?: { code: string; message: string; details?: { type: string; value: string }[] };
}

/** JSON documents one after the other, as buf prints them. */
function documents(text: string): object[] {
  return text.trim() === '' ? [] : (JSON.parse(`[${text.trim().replaceAll(/\}\s*\{/g, '},{')}]`) as object[]);
}

/** Calls with `buf curl`, a client in another language (connect-go), which knows the proto and nothing else. */
export function bufCurl(address: string, rpc: string, request: object, ...flags: string[]): Promise<CurlAnswer> {
  const url = `http://${address}/conformance.v1.ConformanceService/${rpc}`;
  const schemas = ['--schema', PROTO_ROOT, '--schema', GOOGLEAPIS_ROOT];
  const args = ['curl', '--protocol', 'grpc', '--http2-prior-knowledge', ...schemas, ...flags];
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [BUF, ...args, '-d', JSON.stringify(request), url], (failed, stdout, stderr) => {
      const exit = failed ? Number(failed.code) : 0;
      if (exit !== 0 && exit < 8) return reject(new Error(`buf curl could not call: ${stderr}`));
      const error = exit === 0 ? undefined : (JSON.parse(stderr.slice(stderr.indexOf('{'))) as CurlAnswer['error']);
      resolve({ code: exit >> 3, replies: documents(stdout), error });
    });
  });
}
