import { Controller, Get, Header, Param, Redirect, Res } from '@nestjs/common';
import { NotFound } from '@rookery/errors';
import { type FastifyReply } from 'fastify';
import { OpenApi } from '../openapi/document.js';
import { type OpenApiDocument } from '../openapi/types.js';
import { DOCS_PAGE, docsAsset } from './swagger-ui.js';

/** The OpenAPI document and Swagger UI, which comes from this process, not from a CDN. */
@Controller()
export class DocsController {
  constructor(private readonly openApi: OpenApi) {}

  @Get()
  @Redirect('/docs', 302)
  home(): void {
    // The decorator says it all.
  }

  @Get('openapi.json')
  document(): OpenApiDocument {
    return this.openApi.document;
  }

  @Get('docs')
  @Header('content-type', 'text/html; charset=utf-8')
  page(): string {
    return DOCS_PAGE;
  }

  @Get('docs/:file')
  async asset(@Param('file') file: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<Buffer | string> {
    const asset = await docsAsset(file);
    if (!asset) throw new NotFound(`/docs/${file} does not exist.`, { reason: 'UNKNOWN_PATH' });
    reply.header('content-type', asset.contentType).header('cache-control', 'public, max-age=3600');
    return asset.content;
  }
}
