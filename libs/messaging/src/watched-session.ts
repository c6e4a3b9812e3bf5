/**
 * Settings of a session that holds an advisory lock, and what is usual. A holder that says nothing for three seconds
 * (frozen, cut off, or its machine is gone) loses its session, and with it the lock: PostgreSQL itself would only notice
 * a process that has ended. The second holds when the server cannot send.
 */
export const WATCHED = [
  ['idle_session_timeout', '3s', '0'],
  ['tcp_user_timeout', '3000', '0'],
] as const;

/** Takes names and values. Sets those that the server knows: the first came with PostgreSQL 14. */
export const SET = `
  SELECT set_config(name, value, false) FROM unnest($1::text[], $2::text[]) AS s (name, value)
  JOIN pg_settings USING (name)`;
