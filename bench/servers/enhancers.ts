// A guard, an interceptor and a filter of the usual kind, the same for Nest and for Rookery.
import type { Metadata } from '@grpc/grpc-js';
import {
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  Catch,
  type ExceptionFilter,
  type ExecutionContext,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import { RpcException } from '@nestjs/microservices';
import { type Observable, tap, throwError } from 'rxjs';

/** Refuses callers who say that they are blocked. */
@Injectable()
export class BlockedGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return context.switchToRpc().getContext<Metadata>().get('x-blocked').length === 0;
  }
}

/** Measures how long handlers take. */
@Injectable()
export class TimingInterceptor implements NestInterceptor {
  private total = 0;

  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const startedAt = performance.now();
    return next.handle().pipe(tap({ complete: () => (this.total += performance.now() - startedAt) }));
  }
}

/** Gives errors of the language's own a status. */
@Catch(RangeError)
export class RangeErrorFilter implements ExceptionFilter {
  catch(error: RangeError, _host: ArgumentsHost): Observable<never> {
    return throwError(() => new RpcException({ code: 11, message: error.message }));
  }
}
