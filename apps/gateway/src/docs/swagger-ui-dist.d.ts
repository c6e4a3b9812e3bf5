declare module 'swagger-ui-dist/absolute-path.js' {
  /** Where the package's files are. It finds out at run time, which `import.meta.url` of a bundle cannot. */
  export default function absolutePath(): string;
}
