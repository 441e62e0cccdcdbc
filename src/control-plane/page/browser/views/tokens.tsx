// Tokens of users: made, listed, revoked. A token's secret is shown once, when it is made, and kept nowhere on the page.
import { useSignal } from "@preact/signals";
import type { CreatedToken, NewTokenInput, Token } from "../../../api/schema.ts";
import { call, problemFrom } from "../api.ts";
import { Ago } from "../parts/ago.tsx";
import { CopyLine } from "../parts/copy-button.tsx";
import { ConfirmDialog } from "../parts/dialog.tsx";
import { Choice, Field } from "../parts/field.tsx";
import { Empty, ProblemNotice, Waiting } from "../parts/notice.tsx";
import { useAction } from "../parts/use-action.ts";
import { useLoaded } from "../parts/use-loaded.ts";

type Role = NonNullable<NewTokenInput["role"]>;

const roles: readonly (readonly [Role, string])[] = [
  ["user", "User: may use the connectors"],
  ["admin", "Admin: may manage the hub as well"],
];

export function Tokens() {
  const loaded = useLoaded<{ readonly tokens: readonly Token[] }>("/tokens");
  const made = useSignal<CreatedToken | undefined>(undefined);
  return (
    <section class="panel" aria-labelledby="tokens">
      <h2 id="tokens">Users' tokens</h2>
      <p class="quiet">
        A token names its user in the log and keeps the user's sessions apart from everyone else's. Only its hash is
        stored.
      </p>
      <NewToken
        onMade={(token) => {
          made.value = token;
          void loaded.reload();
        }}
      />
      {made.value !== undefined && (
        <div class="notice is-good" role="status">
          <p>
            The token of <b>{made.value.user}</b>. Copy it now: it is not shown again.
          </p>
          <CopyLine what={`token of ${made.value.user}`} text={made.value.secret} />
        </div>
      )}
      <ProblemNotice error={loaded.error} />
      {loaded.value === undefined ? (
        loaded.error === undefined && <Waiting rows={2} what="tokens" />
      ) : (
        <TokenTable tokens={loaded.value.tokens} onRevoked={() => void loaded.reload()} />
      )}
    </section>
  );
}

function NewToken({ onMade }: { readonly onMade: (token: CreatedToken) => void }) {
  const user = useSignal("");
  const label = useSignal("");
  const role = useSignal<Role>("user");
  const mistake = useSignal<string | undefined>(undefined);
  const action = useAction();
  const make = async () => {
    mistake.value = user.value.trim() === "" ? "Whose token is it?" : undefined;
    if (mistake.value !== undefined) return;
    const body: NewTokenInput = { user: user.value.trim(), label: label.value, role: role.value };
    const isDone = await action.run(async () => onMade(await call<CreatedToken>("/tokens", { method: "POST", body })));
    if (isDone) {
      user.value = "";
      label.value = "";
    } else mistake.value = problemFrom(action.error.peek()).of("user");
  };
  return (
    <form
      class="form is-row"
      aria-label="New token"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        void make();
      }}
    >
      <Field label="User" value={user.value} onValue={(value) => (user.value = value)} error={mistake.value} />
      <Field
        label="Label"
        value={label.value}
        onValue={(value) => (label.value = value)}
        input={{ placeholder: "laptop" }}
      />
      <Choice label="Role" value={role.value} options={roles} onValue={(value) => (role.value = value)} />
      <button type="submit" class="button is-main" aria-disabled={action.isBusy}>
        Make token
      </button>
      <ProblemNotice error={action.error.value} />
    </form>
  );
}

function TokenTable({ tokens, onRevoked }: { readonly tokens: readonly Token[]; readonly onRevoked: () => void }) {
  const asking = useSignal<Token | undefined>(undefined);
  const action = useAction();
  if (tokens.length === 0) return <Empty title="No tokens yet" />;
  const revoke = async (token: Token) => {
    const isDone = await action.run(() => call(`/tokens/${encodeURIComponent(token.id)}`, { method: "DELETE" }));
    if (!isDone) return;
    asking.value = undefined;
    onRevoked();
  };
  return (
    <>
      <div class="scroll" tabIndex={0} role="region" aria-label="Tokens">
        <table>
          <thead>
            <tr>
              <th scope="col">User</th>
              <th scope="col">Label</th>
              <th scope="col">Role</th>
              <th scope="col">Made</th>
              <th scope="col">Last used</th>
              <th scope="col">
                <span class="unseen">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {tokens.map((token) => (
              <tr key={token.id}>
                <td>{token.user}</td>
                <td>{token.label}</td>
                <td>{token.role}</td>
                <td>
                  <Ago time={token.createdAt} />
                </td>
                <td>{token.lastUsedAt === undefined ? "never" : <Ago time={token.lastUsedAt} />}</td>
                <td class="is-actions">
                  <button
                    type="button"
                    class="button is-small"
                    aria-label={`Revoke the token of ${token.user} ${token.label}`.trim()}
                    onClick={() => (asking.value = token)}
                  >
                    Revoke
                  </button>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {asking.value !== undefined && (
        <ConfirmDialog
          title={`Revoke the token of ${asking.value.user}?`}
          verb="Revoke"
          isBusy={action.isBusy}
          error={action.error.value}
          onConfirm={() => asking.value !== undefined && void revoke(asking.value)}
          onCancel={() => (asking.value = undefined)}
        >
          <p>Whoever uses it is refused from now on. This cannot be undone; a new token can be made.</p>
        </ConfirmDialog>
      )}
    </>
  );
}
