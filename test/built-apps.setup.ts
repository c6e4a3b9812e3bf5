import { readdirSync } from 'node:fs';
import { buildApps } from '../tools/setup/build.mjs';

/** The specs of this project run the apps as their users do: built, each in a process. */
export default function setup(): void {
  buildApps(readdirSync('apps'));
}
