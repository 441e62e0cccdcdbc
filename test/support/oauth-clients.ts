// The two SDK clients signing in by OAuth as their documentation says; the browser is one fetch. Knows nothing of Holdfast.
import { type Connection, connection, textOf } from "./tool-result.ts";

interface Tokens {
  access_token: string;
  refresh_token?: string;
}

/** The part of OAuthClientProvider that both versions ask for, with a user who is let in at once. */
export class SignIn {
  readonly redirectUrl = "http://127.0.0.1/callback";
  readonly clientMetadata = {
    client_name: "holdfast-tests",
    redirect_uris: [this.redirectUrl],
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    token_endpoint_auth_method: "none",
  };
  /** How often the user had to sign in. */
  signIns = 0;
  /** What came back from the authorization server. */
  callback = new URLSearchParams();
  readonly #user: string;
  #client: unknown;
  #tokens: unknown;
  #discovery: unknown;
  #verifier = "";

  constructor(user: string) {
    this.#user = user;
  }

  get held(): Tokens {
    return this.#tokens as Tokens;
  }

  clientInformation = (): never => this.#client as never;
  saveClientInformation = (client: unknown): void => void (this.#client = client);
  tokens = (): never => this.#tokens as never;
  saveTokens = (tokens: unknown): void => void (this.#tokens = tokens);
  saveCodeVerifier = (verifier: string): void => void (this.#verifier = verifier);
  codeVerifier = (): string => this.#verifier;
  saveDiscoveryState = (state: unknown): void => void (this.#discovery = state);
  discoveryState = (): never => this.#discovery as never;

  redirectToAuthorization = async (url: URL): Promise<void> => {
    url.searchParams.set("user", this.#user);
    const response = await fetch(url, { redirect: "manual" });
    const target = response.headers.get("location");
    if (target === null) throw new Error(`authorize answered ${response.status}: ${await response.text()}`);
    this.signIns += 1;
    this.callback = new URL(target).searchParams;
  };
}

export interface OAuthClient {
  readonly name: string;
  readonly connect: (url: string, signIn: SignIn) => Promise<Connection>;
}

const identity = { name: "holdfast-tests", version: "1.0.0" };

interface Wire {
  readonly sessionId?: string | undefined;
  finishAuth(code: string): Promise<void>;
}

interface SdkClient<Transport> {
  onerror?: ((error: Error) => void) | undefined;
  connect(transport: Transport): Promise<void>;
  callTool(params: { name: string; arguments: Record<string, unknown> }): Promise<unknown>;
  listTools(): Promise<{ readonly tools: readonly { readonly name: string }[] }>;
  close(): Promise<void>;
}

async function connectSigned<Transport extends Wire>(
  newClient: () => SdkClient<Transport>,
  newTransport: () => Transport,
  isUnauthorized: (error: unknown) => boolean,
  signIn: SignIn,
): Promise<Connection> {
  const first = newTransport();
  try {
    await newClient().connect(first);
    throw new Error("the server let a client in that had not signed in");
  } catch (error) {
    if (!isUnauthorized(error)) throw error;
  }
  await first.finishAuth(signIn.callback.get("code") ?? "");
  const client = newClient();
  const errors: string[] = [];
  // oxlint-disable-next-line unicorn/prefer-add-event-listener -- these clients have nothing else
  client.onerror = (error) => errors.push(error.message);
  const transport = newTransport();
  await client.connect(transport);
  return connection({
    callTool: async (name, args) => textOf(await client.callTool({ name, arguments: args })),
    listTools: async () => (await client.listTools()).tools.map((tool) => tool.name),
    close: () => client.close(),
    errors: () => errors,
    sessionId: () => transport.sessionId,
  });
}

const connectSdk1: OAuthClient["connect"] = async (url, signIn) => {
  const { Client } = await import("@modelcontextprotocol/sdk/client/index.js");
  const { StreamableHTTPClientTransport } = await import("@modelcontextprotocol/sdk/client/streamableHttp.js");
  const { UnauthorizedError } = await import("@modelcontextprotocol/sdk/client/auth.js");
  return connectSigned(
    () => new Client(identity) as unknown as SdkClient<Wire>,
    () => new StreamableHTTPClientTransport(new URL(url), { authProvider: signIn }),
    (error) => error instanceof UnauthorizedError,
    signIn,
  );
};

const connectSdk2: OAuthClient["connect"] = async (url, signIn) => {
  const { Client, StreamableHTTPClientTransport, UnauthorizedError } = await import("@modelcontextprotocol/client");
  return connectSigned(
    () => new Client(identity) as unknown as SdkClient<Wire>,
    () => new StreamableHTTPClientTransport(new URL(url), { authProvider: signIn }),
    (error) => error instanceof UnauthorizedError,
    signIn,
  );
};

export const oauthClients: readonly [OAuthClient, OAuthClient] = [
  { name: "@modelcontextprotocol/sdk 1.32", connect: connectSdk1 },
  { name: "@modelcontextprotocol/client 2.4", connect: connectSdk2 },
];
