// Who may see the bodies of a connector's exchanges, as the data plane sees it. Only a hub has one, and it is off unless somebody asks for it.

export interface BodyTap {
  /** Looked at once per exchange; nothing else here is called while it is false. */
  readonly isOn: boolean;
  asked(requestId: string, bytes: Uint8Array): void;
  answered(requestId: string, bytes: Uint8Array): void;
  /** Words of this exchange that must not be shown: its credential, its session's ids. */
  conceal(requestId: string, words: readonly string[]): void;
  /** Nobody will ask for it. */
  drop(requestId: string): void;
}
