import {
  type ArgumentsHost,
  type CanActivate,
  Catch,
  Controller,
  type ExceptionFilter,
  type ExecutionContext,
  Injectable,
  Scope,
  UseFilters,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { MessagePattern, type NatsContext, Payload } from '@nestjs/microservices';
import { InvalidArgument, NotFound, PermissionDenied } from '@rookery/errors';
import { IsInt, IsString } from 'class-validator';
import { type Observable, map, of } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { TRANSPORTS, messageApps } from './core-messages.fixture.js';

class CheckDto {
  @IsString()
  sku!: string;

  @IsInt()
  quantity!: number;
}

describe.each(TRANSPORTS)('messages over %s', (_, url) => {
  const { start, own } = messageApps(url);

  it('runs guards, pipes, interceptors and filters as Nest does', async () => {
    @Injectable()
    class Everywhere implements CanActivate {
      canActivate(context: ExecutionContext): boolean {
        return context.switchToRpc().getData<{ sku?: string }>().sku !== 'forbidden';
      }
    }
    class Never implements CanActivate {
      canActivate = () => false;
    }
    @Catch(NotFound)
    class Instead implements ExceptionFilter {
      catch(error: NotFound, host: ArgumentsHost): Observable<unknown> {
        return of({ instead: error.message, of: host.switchToRpc().getContext<NatsContext>().getSubject() });
      }
    }
    const doubled = {
      intercept: (_context: unknown, next: { handle(): Observable<number> }) => next.handle().pipe(map((n) => n * 2)),
    };

    @Controller()
    class Stock {
      @MessagePattern(own('check'))
      @UseInterceptors(doubled)
      check(@Payload() { quantity }: CheckDto): number {
        return quantity;
      }

      @MessagePattern(own('denied'))
      @UseGuards(Never)
      denied(): void {}

      @MessagePattern(own('filtered'))
      @UseFilters(Instead)
      filtered(): void {
        throw new NotFound('no such book');
      }
    }
    const app = await start({ controllers: [Stock], providers: [{ provide: APP_GUARD, useClass: Everywhere }] });
    const { client } = app;
    expect(await client.request(own('check'), { sku: 'book', quantity: 4 })).toBe(8);
    await expect(client.request(own('check'), { sku: 'forbidden', quantity: 4 })).rejects.toThrow(PermissionDenied);
    await expect(client.request(own('denied'), {})).rejects.toThrow(PermissionDenied);
    await expect(client.request(own('check'), { sku: 'book', quantity: 'x' })).rejects.toMatchObject({
      constructor: InvalidArgument,
      violations: [{ field: 'quantity', description: 'quantity must be an integer number' }],
    });
    expect(await client.request(own('filtered'), {})).toEqual({ instead: 'no such book', of: own('filtered') });
  });

  it('makes a request-scoped controller for each message', async () => {
    let made = 0;
    @Controller({ scope: Scope.REQUEST })
    class Scoped {
      private readonly number = ++made;
      @MessagePattern(own('scoped'))
      handle(): number {
        return this.number;
      }
      @MessagePattern(own('scoped-failing'))
      fail(): void {
        throw new NotFound('gone');
      }
    }
    const { client } = await start({ controllers: [Scoped] });
    expect([await client.request(own('scoped'), {}), await client.request(own('scoped'), {})]).toEqual([1, 2]);
    await expect(client.request(own('scoped-failing'), {})).rejects.toThrow(NotFound);
  });
});
