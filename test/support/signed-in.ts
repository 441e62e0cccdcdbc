// A hub with one connector, `one`, whose server asks for a sign-in, and a user who signs in. The scene of the sign-in tests; judges nothing but that it stands.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Hub, type HubOptions, startHub } from "./hub.ts";
import { type SignInServer, type SignInServerOptions, startSignInServer } from "./sign-in-server.ts";
import { type Page, UserAgent } from "./user-agent.ts";

type Json = Readonly<Record<string, unknown>>;

export interface SignInStage extends AsyncDisposable {
  readonly hub: Hub;
  readonly server: SignInServer;
  readonly endpoint: string;
  /** The link for the browser. */
  begin(wish?: Json): Promise<string>;
  /** The whole of it; gives where the browser ended. */
  signIn(wish?: Json): Promise<Page>;
  get(): Promise<Json>;
}

/** Resolves when the hub knows that the server asks for a sign-in. */
export async function openSignInStage(
  options: SignInServerOptions = {},
  hubOptions: HubOptions = {},
): Promise<SignInStage> {
  await using resources = new AsyncDisposableStack();
  const server = resources.use(await startSignInServer(options));
  const hub = resources.use(await startHub({ ...hubOptions, args: ["--no-demo", ...(hubOptions.args ?? [])] }));
  const { wire = "streamable-http" } = options;
  const address =
    wire === "websocket"
      ? { kind: wire, url: server.url.replace("http:", "ws:") }
      : { kind: "http", url: server.url, wire };
  await hub.addLocal("one", address);
  await hub.until("one", "needs-sign-in");
  const owned = resources.move();
  const begin = async (wish: Json = {}): Promise<string> => {
    const { status, text, body } = await hub.api("POST", "/connectors/one/sign-in", wish);
    assert.equal(status, 201, text);
    return String(body["authorizationUrl"]);
  };
  return {
    hub,
    server,
    endpoint: `${hub.url}/c/one/mcp`,
    begin,
    signIn: async (wish) => new UserAgent().signIn(await begin(wish)),
    get: async () => (await hub.api("GET", "/connectors/one")).body,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** As `openSignInStage`, with the user signed in and the connector connected. */
export async function openSignedInStage(
  options: SignInServerOptions = {},
  hubOptions: HubOptions = {},
): Promise<SignInStage> {
  const stage = await openSignInStage(options, hubOptions);
  const page = await stage.signIn();
  assert.equal(page.status, 200, page.text);
  await stage.hub.until("one", "connected");
  return stage;
}

/** Files of a data directory in which one of the words stands. */
export function filesWith(dataDir: string, words: Iterable<string>): readonly string[] {
  const all = [...words];
  return readdirSync(dataDir, { recursive: true, withFileTypes: true }).flatMap((entry) => {
    if (!entry.isFile()) return [];
    const bytes = readFileSync(join(entry.parentPath, entry.name), "latin1");
    return all.some((word) => bytes.includes(word)) ? [entry.name] : [];
  });
}
