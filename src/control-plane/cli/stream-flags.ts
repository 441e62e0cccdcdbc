// The flags of streams that outlive a client's connection: what can be typed, and what it means.
import { Option } from "commander";
import { type StreamOptions, streamDefaults } from "../../config/index.ts";
import { number, wholeNumber } from "./flag-values.ts";

/** As commander gives them. */
export interface StreamFlags {
  readonly durableStreams: boolean;
  readonly keepAlive: number;
  readonly streamOpenAfter: number;
  readonly streamKeep: number;
  readonly streamKeepEvents: number;
  readonly streamKeepBytes: number;
  readonly streamKeepTotal: number;
}

export function streamFlagOptions(): Option[] {
  const d = streamDefaults;
  return [
    new Option("--durable-streams", "keep the events of streams on disk, so that they outlive Holdfast too").default(
      d.durable,
    ),
    new Option(
      "--keep-alive <seconds>",
      "after so long without a byte a stream is given a comment; a WebSocket is pinged half as often",
    )
      .argParser(number(0.01, 3_600))
      .default(d.keepAliveMs / 1_000),
    new Option("--stream-open-after <seconds>", "after so long without an answer an event stream is opened for it")
      .argParser(number(0.01, 3_600))
      .default(d.openAfterMs / 1_000),
    new Option("--stream-keep <seconds>", "how long events are kept for a client that may have missed them")
      .argParser(number(0.01, 604_800))
      .default(d.keepMs / 1_000),
    new Option("--stream-keep-events <number>", "most events of one stream that are kept so")
      .argParser(wholeNumber(1, 1_000_000))
      .default(d.keepEvents),
    new Option("--stream-keep-bytes <bytes>", "most bytes of one stream that are kept so")
      .argParser(wholeNumber(1, 2 ** 40))
      .default(d.keepBytes),
    new Option("--stream-keep-total <bytes>", "most bytes that all streams together keep so")
      .argParser(wholeNumber(1, 2 ** 40))
      .default(d.keepTotalBytes),
  ];
}

export function readStreamFlags(flags: StreamFlags): StreamOptions {
  return {
    keepEvents: flags.streamKeepEvents,
    keepBytes: flags.streamKeepBytes,
    keepTotalBytes: flags.streamKeepTotal,
    keepMs: flags.streamKeep * 1_000,
    keepAliveMs: flags.keepAlive * 1_000,
    openAfterMs: flags.streamOpenAfter * 1_000,
    durable: flags.durableStreams,
  };
}
