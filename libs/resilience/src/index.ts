export { type BreakerState, CircuitBreaker, type CircuitBreakerOptions } from './circuit-breaker.js';
export { ConcurrencyGate } from './concurrency-gate.js';
export { OpenSockets } from './open-sockets.js';
