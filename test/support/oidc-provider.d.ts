// As much of oidc-provider as the tests use; its own types would bring Koa's along.
declare module "oidc-provider" {
  import type { IncomingMessage, ServerResponse } from "node:http";

  export class Provider {
    constructor(issuer: string, configuration: object);
    callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void>;
    on(event: string, listener: (...given: readonly never[]) => void): this;
    readonly AccessToken: {
      find(token: string): Promise<
        | {
            readonly isExpired: boolean;
            readonly aud?: unknown;
            readonly scopes: ReadonlySet<string>;
            readonly accountId: string;
          }
        | undefined
      >;
    };
  }
}
