import pg from 'pg';

/** A statement that goes ahead of another one; its rows are not read. Values are sent as they are. */
export interface Ahead {
  readonly text: string;
  readonly values?: readonly (string | Buffer | null)[];
}

/** What pg's client hands to the query that runs. Its type declarations leave that out. */
interface WireQuery {
  submit(connection: WireConnection): Error | null;
  handleCommandComplete(message: unknown, connection: WireConnection): void;
  handleDataRow(message: unknown): void;
}

interface WireConnection {
  readonly stream: { cork(): void; uncork(): void };
  parse(statement: { text: string }): void;
  bind(portal: { values?: Ahead['values'] }): void;
  execute(portal: object): void;
}

type Done = (error: Error | null, result: pg.QueryResult) => void;

const Query = pg.Query as unknown as new (config: pg.QueryConfig & { queryMode: 'extended' }, done: Done) => WireQuery;

/**
 * Statements in one write, answered together: those `ahead`, and the one whose result counts. They are one sequence of
 * the extended protocol with one Sync at its end, so a failure of any of them is the failure of all: the server skips what
 * follows it. None of them can be several statements.
 *
 * Source: "Pipelining", https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING
 */
export class StatementBatch extends Query {
  private unanswered: number;

  constructor(
    private readonly ahead: readonly Ahead[],
    statement: pg.QueryConfig,
    done: Done,
  ) {
    super({ ...statement, queryMode: 'extended' }, done);
    this.unanswered = ahead.length;
  }

  override submit(connection: WireConnection): Error | null {
    connection.stream.cork();
    try {
      for (const { text, values } of this.ahead) {
        connection.parse({ text });
        connection.bind({ values });
        connection.execute({});
      }
      return super.submit(connection);
    } finally {
      connection.stream.uncork();
    }
  }

  override handleDataRow(message: unknown): void {
    if (this.unanswered === 0) super.handleDataRow(message);
  }

  override handleCommandComplete(message: unknown, connection: WireConnection): void {
    if (this.unanswered > 0) this.unanswered -= 1;
    else super.handleCommandComplete(message, connection);
  }
}
