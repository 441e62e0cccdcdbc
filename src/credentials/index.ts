export { Credential, type CredentialParts, type Place } from "./credential.ts";
export type { SignInFacts } from "./grant.ts";
export { type Outbound, type OutboundRules, openOutbound } from "./outbound.ts";
export { clientMetadata, type GivenClient } from "./registration.ts";
export { type Begun, type SignInNews, type SignInPlace, SignIns } from "./sign-ins.ts";
export { type Seal, Vault } from "./vault.ts";
export { callbackIssuer, comeBack } from "./way-back.ts";
