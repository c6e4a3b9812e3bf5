/** Has a service of the benchmark do a task of its own. @returns what it says of it */
export async function task(server, name, options = {}) {
  const { result } = await server.during(server.ask({ task: name, ...options }));
  return result;
}
