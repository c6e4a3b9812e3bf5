/** Has the repository's prettier put every file that was made or changed into its form, but for those that are in it. */
export function format({ except = new Set() } = {}) {
  return async (tree) => {
    const { format: prettify, getFileInfo, resolveConfig } = await import('prettier');
    for (const { path, kind } of tree.actions) {
      if (kind === 'd') continue;
      const filepath = path.slice(1);
      if (except.has(filepath)) continue;
      const { inferredParser, ignored } = await getFileInfo(filepath, { ignorePath: '.prettierignore' });
      if (!inferredParser || ignored) continue;
      const text = tree.read(path).toString();
      const formatted = await prettify(text, { ...(await resolveConfig(filepath)), filepath });
      if (formatted !== text) tree.overwrite(path, formatted);
    }
  };
}
