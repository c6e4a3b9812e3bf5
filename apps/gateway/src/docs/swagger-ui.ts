import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import swaggerUiFolder from 'swagger-ui-dist/absolute-path.js';

/** A file of the documentation. */
export interface Asset {
  readonly contentType: string;
  readonly content: Buffer | string;
}

/** What is served of swagger-ui-dist; nothing else of it can be reached. */
const FILES: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
};

/** All addresses are relative, so that the page works behind a path prefix; no script is inline, so that it works under CSP. */
export const DOCS_PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Rookery API</title>
    <link rel="stylesheet" href="./docs/swagger-ui.css">
    <link rel="icon" type="image/png" href="./docs/favicon-32x32.png">
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="./docs/swagger-ui-bundle.js"></script>
    <script src="./docs/start.js"></script>
  </body>
</html>
`;

const START = `SwaggerUIBundle({
  url: new URL('./openapi.json', location.href).href,
  dom_id: '#swagger-ui',
  deepLinking: true,
  displayRequestDuration: true,
  // The badge would ask a server on the internet.
  validatorUrl: null,
});
`;

/** A file below /docs, or undefined when there is none of that name. */
export async function docsAsset(name: string): Promise<Asset | undefined> {
  if (name === 'start.js') return { contentType: 'text/javascript; charset=utf-8', content: START };
  const contentType = Object.hasOwn(FILES, name) ? FILES[name] : undefined;
  if (contentType === undefined) return undefined;
  return { contentType, content: await readFile(join(swaggerUiFolder(), name)) };
}
