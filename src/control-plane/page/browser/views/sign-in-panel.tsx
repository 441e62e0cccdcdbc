// Signing in to a connector's server, and out again: what is known of the sign-in, and the way to the authorization server in a tab of its own.
import { useSignal } from "@preact/signals";
import type { BegunSignIn, ConnectorView, NewSignIn, SignInView } from "../../../api/schema.ts";
import { ApiProblem, at, call } from "../api.ts";
import { Ago } from "../parts/ago.tsx";
import { ConfirmDialog } from "../parts/dialog.tsx";
import { Field } from "../parts/field.tsx";
import { ProblemNotice } from "../parts/notice.tsx";
import { type Action, useAction } from "../parts/use-action.ts";
import { moment } from "../words.ts";

/** Nothing for a program, and for a connector whose own header stands in the place of a sign-in. */
export function SignInPanel({ connector }: { readonly connector: ConnectorView }) {
  const { server, headerNames, signIn, status } = connector;
  const hasHeader = headerNames.some((name) => name.toLowerCase() === "authorization");
  const isNeeded = status.kind === "needs-sign-in";
  if (server.kind === "stdio" || hasHeader || (signIn === undefined && !isNeeded)) return null;
  return (
    <section class="panel" aria-labelledby="sign-in">
      <h2 id="sign-in">Sign-in</h2>
      {signIn === undefined ? (
        <p>The server asks who you are. Holdfast keeps the credential, encrypted, and renews it.</p>
      ) : (
        <Facts signIn={signIn} />
      )}
      <SignInForm connector={connector} isNeeded={isNeeded} />
    </section>
  );
}

function Facts({ signIn }: { readonly signIn: SignInView }) {
  const { issuer, since, subject, scope, expiresAt, isRenewable, trouble } = signIn;
  return (
    <>
      {trouble !== undefined && <p class="todo">{trouble.sentence}</p>}
      <dl class="facts">
        <dt>Signed in</dt>
        <dd>
          {subject !== undefined && <b>{subject} </b>}
          <Ago time={since} />
        </dd>
        <dt>At</dt>
        <dd class="mono">{issuer}</dd>
        {scope !== undefined && (
          <>
            <dt>Rights</dt>
            <dd class="mono">{scope}</dd>
          </>
        )}
        {expiresAt !== undefined && (
          <>
            <dt>Credential</dt>
            <dd>
              until {moment(expiresAt)}
              {isRenewable ? ", renewed before" : ", not renewable"}
            </dd>
          </>
        )}
      </dl>
    </>
  );
}

const needClient: ReadonlySet<string> = new Set(["CLIENT_ID_NEEDED", "CLIENT_REGISTRATION_REFUSED"]);

function SignInForm({ connector, isNeeded }: { readonly connector: ConnectorView; readonly isNeeded: boolean }) {
  const { name, signIn } = connector;
  const action = useAction();
  const client = { id: useSignal(""), secret: useSignal("") };
  const asksClient = useSignal(false);
  const isLeaving = useSignal(false);
  /** Where the browser would not open a tab by itself. */
  const link = useSignal("");
  const begin = () => {
    link.value = "";
    void action.run(async () => {
      const { id, secret } = client;
      const wish: NewSignIn = {
        ...(id.value === "" ? {} : { clientId: id.value }),
        ...(id.value === "" || secret.value === "" ? {} : { clientSecret: secret.value }),
      };
      try {
        link.value = await openSignIn(name, wish);
        secret.value = "";
      } catch (error) {
        if (error instanceof ApiProblem && needClient.has(error.problem.code)) asksClient.value = true;
        throw error;
      }
    });
  };
  return (
    <>
      {asksClient.value && (
        <div class="two">
          <Field label="Client ID" value={client.id.value} onValue={(value) => (client.id.value = value)} />
          <Field
            label="Client secret (if it has one)"
            value={client.secret.value}
            onValue={(value) => (client.secret.value = value)}
            input={{ type: "password" }}
          />
        </div>
      )}
      <Buttons
        isPrimary={isNeeded}
        isSignedIn={signIn !== undefined}
        action={action}
        onSignIn={begin}
        onSignOut={() => (isLeaving.value = true)}
      />
      {link.value !== "" && (
        <p>
          <a href={link.value} target="_blank" rel="noreferrer">
            Open the sign-in page
          </a>
        </p>
      )}
      <ProblemNotice error={action.error.value} />
      {isLeaving.value && <SignOutDialog name={name} onClose={() => (isLeaving.value = false)} />}
    </>
  );
}

interface ButtonsProps {
  readonly isPrimary: boolean;
  readonly isSignedIn: boolean;
  readonly action: Action;
  readonly onSignIn: () => void;
  readonly onSignOut: () => void;
}

function Buttons({ isPrimary, isSignedIn, action, onSignIn, onSignOut }: ButtonsProps) {
  return (
    <div class="actions">
      <button
        type="button"
        class={`button ${isPrimary ? "is-main" : ""}`}
        aria-disabled={action.isBusy}
        onClick={onSignIn}
      >
        {action.isBusy ? "Asking the server…" : isSignedIn ? "Sign in again" : "Sign in"}
      </button>
      {isSignedIn && (
        <button type="button" class="button" onClick={onSignOut}>
          Sign out
        </button>
      )}
    </div>
  );
}

/** In a tab of its own, which must be opened while the press still counts; the link where the browser opened none. */
async function openSignIn(name: string, wish: NewSignIn): Promise<string> {
  const tab = window.open("", "_blank");
  try {
    const { authorizationUrl } = await call<BegunSignIn>(at(name, "/sign-in"), { method: "POST", body: wish });
    if (tab === null) return authorizationUrl;
    // The other page must not reach back into this one.
    tab.opener = null;
    tab.location.replace(authorizationUrl);
    return "";
  } catch (error) {
    tab?.close();
    throw error;
  }
}

function SignOutDialog({ name, onClose }: { readonly name: string; readonly onClose: () => void }) {
  const action = useAction();
  const leave = async () => {
    if (await action.run(() => call(at(name, "/sign-in"), { method: "DELETE" }))) onClose();
  };
  return (
    <ConfirmDialog
      title={`Sign out of ${name}?`}
      verb="Sign out"
      isBusy={action.isBusy}
      error={action.error.value}
      onConfirm={() => void leave()}
      onCancel={onClose}
    >
      <p>
        The credential is deleted here and, where its server offers that, revoked there. Calls fail until somebody signs
        in again.
      </p>
    </ConfirmDialog>
  );
}
