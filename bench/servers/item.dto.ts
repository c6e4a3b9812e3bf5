import { IsInt, IsUUID, Max, Min } from 'class-validator';

/** The rules of GetItem's request, for every server that validates. */
export class GetItemDto {
  @IsUUID()
  id!: string;

  @IsInt()
  @Min(0)
  revision!: number;
}

/** The rules of StreamItems' request. */
export class StreamItemsDto {
  @IsUUID()
  id!: string;

  @IsInt()
  @Min(0)
  @Max(1_000_000)
  count!: number;
}
