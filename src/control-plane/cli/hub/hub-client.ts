// What the verbs ask of a hub, whether it runs or only its store is there. Types alone.
import type {
  BegunSignIn,
  BodiesView,
  ConnectorView,
  DoctorReport,
  ExchangeList,
  LiveEvent,
  LoginLink,
  NewSignIn,
  SessionView,
  Settings,
  SignedOut,
  SignInProgress,
  TestResult,
  ToolList,
  UpgradeResult,
} from "../../api/schema.ts";

export interface HubClient extends AsyncDisposable {
  /** For standard error: with whom the verb speaks. */
  readonly where: string;
  /** Of the running hub; undefined where only the store is there. */
  readonly url: string | undefined;
  list(): Promise<readonly ConnectorView[]>;
  get(name: string): Promise<ConnectorView>;
  setWanted(name: string, wanted: "connected" | "disconnected"): Promise<ConnectorView>;
  remove(name: string): Promise<void>;
  /** The link for a browser of this machine; the sign-in waits for it as long as this client is open. */
  signIn(name: string, wish: NewSignIn): Promise<BegunSignIn>;
  signInProgress(name: string, id: string): Promise<SignInProgress>;
  signOut(name: string): Promise<SignedOut>;
  doctor(name: string): Promise<DoctorReport>;
  test(name: string): Promise<TestResult>;
  upgrade(name: string): Promise<UpgradeResult>;
  tools(name: string): Promise<ToolList>;
  exchanges(name: string, limit: number): Promise<ExchangeList>;
  bodies(name: string, seq: number): Promise<BodiesView>;
  keepBodies(name: string, isWanted: boolean): Promise<void>;
  /** Ends with the hub, or when `signal` fires. */
  events(name: string, signal: AbortSignal): AsyncIterable<LiveEvent>;
  sessions(name: string): Promise<readonly SessionView[]>;
  breakSession(name: string, session: string): Promise<SessionView>;
  endSession(name: string, session: string): Promise<void>;
  /** Lets a running hub follow at once what was written into the store beside it. */
  reload(): Promise<void>;
  /** A POST to an MCP endpoint of the hub, with the admin's credential. */
  postMcp(endpoint: string, message: object, session: string | undefined): Promise<Response>;
  endMcp(endpoint: string, session: string): Promise<void>;
  settings(): Promise<Settings>;
  loginLink(): Promise<LoginLink>;
}
