import { setMaxListeners } from 'node:events';
import type { Metadata } from '@grpc/grpc-js';
import type { CallContext, Span } from '@rookery/context';
import type { RookeryError } from '@rookery/errors';
import { requestIdFrom, traceparentFrom } from '@rookery/observability';
import { CONTEXT_METADATA } from '../../context-metadata.js';

/** What a name of a tenant or a principal may look like: printable ASCII, safe in logs and headers. */
const NAME = /^[\x21-\x7e]{1,256}$/;
const TRACESTATE = /^[\x20-\x7e]{1,512}$/;

/**
 * The context of a call that is being served, read from its metadata when somebody asks: most calls need little of it.
 */
export abstract class ServedContext implements CallContext {
  /** What the client sent before its first message. */
  metadata!: Metadata;
  deadline: number | undefined;
  /** Set by the observer of calls. */
  span: Span | undefined;
  /** What ended the call from outside. */
  protected reason: RookeryError | undefined;
  private controller: AbortController | undefined;
  private id: string | undefined;
  private ownTraceparent: string | undefined;
  private ownPrincipal: string | undefined;
  private ownTenant: string | undefined;

  get requestId(): string {
    return (this.id ??= requestIdFrom(this.metadata.get(CONTEXT_METADATA.requestId)[0]));
  }

  get signal(): AbortSignal {
    if (!this.controller) {
      this.controller = new AbortController();
      // However many queries and calls a handler runs side by side, each of them listens.
      setMaxListeners(0, this.controller.signal);
      if (this.reason) this.controller.abort(this.reason);
    }
    return this.controller.signal;
  }

  get traceparent(): string | undefined {
    return this.ownTraceparent ?? traceparentFrom(this.metadata.get(CONTEXT_METADATA.traceparent)[0]);
  }
  set traceparent(own: string | undefined) {
    this.ownTraceparent = own;
  }

  get tracestate(): string | undefined {
    return this.text(CONTEXT_METADATA.tracestate, TRACESTATE);
  }

  /** On whose behalf the call is made: what the metadata says, or what an authenticating guard has set. */
  get principal(): string | undefined {
    return this.ownPrincipal ?? this.text(CONTEXT_METADATA.principal, NAME);
  }
  set principal(name: string) {
    this.ownPrincipal = checkedName('principal', name);
  }

  /** The customer whose data it is about: what the metadata says, or what an authenticating guard has set. */
  get tenant(): string | undefined {
    return this.ownTenant ?? this.text(CONTEXT_METADATA.tenant, NAME);
  }
  set tenant(name: string) {
    this.ownTenant = checkedName('tenant', name);
  }

  /** Tells what works on the call why it ends. */
  protected abort(reason: RookeryError): void {
    this.controller?.abort(reason);
  }

  private text(key: string, pattern: RegExp): string | undefined {
    const value = this.metadata.get(key)[0];
    return typeof value === 'string' && pattern.test(value) ? value : undefined;
  }
}

/** @throws {TypeError} when outgoing calls could not carry the name */
function checkedName(what: string, name: string): string {
  if (NAME.test(name)) return name;
  throw new TypeError(`a ${what} takes 1 to 256 printable ASCII characters without spaces, as metadata does`);
}
