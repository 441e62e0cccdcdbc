// Which GET of a client belongs to what: the session's standing stream, or the rest of an answer that the client did not get.
import { ProxyError } from "../../errors/index.ts";
import type { RawId } from "../../protocol/index.ts";
import { assertAccepted, type UpstreamSession } from "../session/index.ts";
import { answerFailure, endStreamWithError } from "./answer-error.ts";
import type { ClientConnection, ClientExchange, ResumableStreams } from "./client-exchange.ts";
import type { ClientStream } from "./client-stream.ts";
import { type EventId, finalId, parseEventId } from "./event-id.ts";
import { DirectOut } from "./event-out.ts";
import { SessionStreams } from "./session-streams.ts";
import { StandaloneStream } from "./standalone-stream.ts";
import { continueAnswer, upstreamPlace } from "./stored-stream.ts";
import type { StreamClock, Waiting } from "./stream-clock.ts";
import { sendStreamHead } from "./stream-head.ts";
import type { StreamJournal } from "./stream-journal.ts";
import type { WholeAnswer } from "./whole-answer.ts";

interface Own {
  readonly streams: SessionStreams;
  readonly standing: StandaloneStream;
}

export class Streams implements ResumableStreams {
  readonly #clock: StreamClock;
  readonly #journal: StreamJournal | undefined;
  readonly #own = new WeakMap<UpstreamSession, Own>();
  readonly #owing = new Set<SessionStreams>();
  readonly #open = new Set<StandaloneStream>();

  /** `journal`: only where streams outlive Holdfast. */
  constructor(clock: StreamClock, journal?: StreamJournal) {
    this.#clock = clock;
    this.#journal = journal;
  }

  get ticks(): number {
    return this.#clock.ticks;
  }

  watch(waiting: Waiting): void {
    this.#clock.waiting.join(waiting);
  }

  unwatch(waiting: Waiting): void {
    this.#clock.waiting.leave(waiting);
  }

  openAnswer(session: UpstreamSession, asked: readonly RawId[], connection: ClientConnection): ClientStream {
    const stream = this.#of(session).streams.open("answer", asked);
    stream.attach(connection);
    return stream;
  }

  keepAnswer(session: UpstreamSession, asked: RawId, answer: WholeAnswer): Buffer | undefined {
    return this.#of(session).streams.keep(asked, answer);
  }

  /** Takes a client's GET. Never rejects. */
  async attach(exchange: ClientExchange, session: UpstreamSession): Promise<void> {
    const { streams, standing } = this.#of(session);
    const id = exchange.lastEventId === undefined ? undefined : parseEventId(exchange.lastEventId);
    try {
      const live = id === undefined ? undefined : streams.get(id.token);
      const found = id === undefined || live !== undefined ? undefined : await streams.find(id.token);
      const stream = live ?? found?.stream;
      const stored = found?.stored;
      if (id === undefined || id.kind === "standing") {
        if (stored !== undefined) standing.continueFrom(upstreamPlace(stored, session));
        return await standing.attach(exchange, stream, id?.seq);
      }
      await assertAccepted(session, exchange.headers);
      this.#giveAnswer(exchange, session, id, stream);
      if (stream !== undefined && stored?.over === false) await continueAnswer(exchange, session, stream, stored);
    } catch (error) {
      answerFailure(exchange, [], error);
    }
  }

  /** Ends every client's stream cleanly, so that it comes back to whoever serves next. */
  endAll(): void {
    for (const stream of this.#open) stream.close();
  }

  /** Closes the streams of a disconnected connector, whose requests have had their errors. */
  closeOwing(): void {
    for (const streams of this.#owing) streams.closeAll();
    this.#owing.clear();
  }

  #giveAnswer(exchange: ClientExchange, session: UpstreamSession, id: EventId, stream: ClientStream | undefined): void {
    const reach = stream?.reach(id.seq) ?? "unknown";
    if (stream !== undefined && reach === "kept") {
      sendStreamHead(exchange);
      if (!stream.attach(exchange.connection, id.seq)) stream.prime();
    } else if (reach === "nothing-left" || id.final) {
      // For an event stream 204 means: do not come back (HTML, server-sent events). An empty 200 would be asked for again and again.
      exchange.connection.head(204, exchange.ownHeaders ?? []);
      exchange.connection.end();
    } else answerGone(exchange, session, id);
  }

  #of(session: UpstreamSession): Own {
    const known = this.#own.get(session);
    if (known !== undefined) return known;
    const streams = new SessionStreams(this.#clock, session, this.#journal);
    const own = { streams, standing: new StandaloneStream(session, streams) };
    this.#own.set(session, own);
    this.#open.add(own.standing);
    session.onClosed(() => {
      this.#open.delete(own.standing);
      own.standing.close();
      // A connector that is disconnected still owes an error to each request that is under way.
      if (session.state.at === "closed" && session.state.reason === "disconnected") this.#owing.add(streams);
      else streams.close();
    });
    return own;
  }
}

/**
 * The stream is not kept (any more), or was never this session's: the client is told for the request that its own event id names, so that it
 * does not wait for ever. Never an event of another stream.
 */
function answerGone(exchange: ClientExchange, session: UpstreamSession, id: EventId): void {
  const { connection } = exchange;
  sendStreamHead(exchange);
  const error = new ProxyError("ANSWER_NOT_KEPT", { connector: session.connector.settings.name });
  // Clients ask again behind the last id that they read; this one says that nothing follows.
  connection.write(Buffer.from(`id: ${finalId(id)}\n`));
  endStreamWithError(new DirectOut(connection), exchange, id.asked === undefined ? [] : [id.asked], error);
}
