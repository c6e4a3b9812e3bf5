export { type CallContext, callContext, remainingTime, runWithContext } from './call-context.js';
