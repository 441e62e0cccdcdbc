// The hub's own settings: tokens for users, what the inspector keeps, the theme, who is signed in, and what this program is.
import { useSignal } from "@preact/signals";
import type { Settings as HubSettings, LoginLink, Whoami } from "../../../api/schema.ts";
import { call, isSignedIn } from "../api.ts";
import { Ago } from "../parts/ago.tsx";
import { CopyLine } from "../parts/copy-button.tsx";
import { Choice, Field } from "../parts/field.tsx";
import { ProblemNotice, Waiting } from "../parts/notice.tsx";
import { useAction } from "../parts/use-action.ts";
import { type Loaded, useLoaded } from "../parts/use-loaded.ts";
import { chooseTheme, theme, themes } from "../theme.ts";
import { Tokens } from "./tokens.tsx";

export function Settings() {
  const settings = useLoaded<HubSettings>("/settings");
  return (
    <>
      <h1>Settings</h1>
      <Tokens />
      <div class="two">
        <section class="panel" aria-labelledby="look">
          <h2 id="look">Look</h2>
          <Choice label="Theme" value={theme.value} options={themes} onValue={chooseTheme} />
        </section>
        <SignIn />
      </div>
      <ProblemNotice error={settings.error} />
      {settings.value === undefined ? (
        settings.error === undefined && <Waiting rows={4} what="settings" />
      ) : (
        <>
          <Keeping settings={settings} current={settings.value} />
          <About settings={settings.value} />
        </>
      )}
    </>
  );
}

function SignIn() {
  const who = useLoaded<Whoami>("/whoami").value;
  const link = useSignal<LoginLink | undefined>(undefined);
  const action = useAction();
  return (
    <section class="panel" aria-labelledby="sign-in">
      <h2 id="sign-in">Signed in</h2>
      <p>{who === undefined ? "…" : `As ${who.user} (${who.role}).`}</p>
      <div class="actions">
        <button
          type="button"
          class="button"
          aria-disabled={action.isBusy}
          onClick={() =>
            void action.run(async () => {
              link.value = await call<LoginLink>("/login-links", { method: "POST" });
            })
          }
        >
          Sign in another browser
        </button>
        <button
          type="button"
          class="button"
          onClick={() =>
            void action.run(async () => {
              await call("/logout", { method: "POST" });
              isSignedIn.value = false;
            })
          }
        >
          Sign out
        </button>
      </div>
      {link.value !== undefined && (
        <>
          <p class="help">Open this there within ten minutes. It works once.</p>
          <CopyLine what="login link" text={link.value.url} />
        </>
      )}
      <ProblemNotice error={action.error.value} />
    </section>
  );
}

function Keeping({ settings, current }: { readonly settings: Loaded<HubSettings>; readonly current: HubSettings }) {
  const keep = useSignal(String(current.keepExchanges));
  const bodies = useSignal(String(current.keepBodyBytes / 1_024));
  const probe = useSignal(String(current.probeIntervalMs / 1_000));
  const saved = useSignal(false);
  const action = useAction();
  const save = async () => {
    const body = {
      keepExchanges: Number(keep.value),
      keepBodyBytes: Math.round(Number(bodies.value) * 1_024),
      probeIntervalMs: Math.round(Number(probe.value) * 1_000),
    };
    saved.value = false;
    saved.value = await action.run(async () => {
      await call("/settings", { method: "PATCH", body });
      await settings.reload();
    });
  };
  return (
    <section class="panel" aria-labelledby="keeping">
      <h2 id="keeping">Inspector and probes</h2>
      <form
        class="form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <Field
          label="Exchanges kept per connector"
          value={keep.value}
          onValue={(value) => (keep.value = value)}
          help="In memory. 0 keeps none."
          input={{ type: "number", min: 0, max: 10_000, class: "is-short" }}
        />
        <Field
          label="Bodies kept per connector, in KiB"
          value={bodies.value}
          onValue={(value) => (bodies.value = value)}
          help="Where they are switched on in a connector's inspector, and never on disk. 0 lets nobody switch them on."
          input={{ type: "number", min: 0, max: 65_536, class: "is-short" }}
        />
        <Field
          label="Ask a silent server whether it lives, every so many seconds"
          value={probe.value}
          onValue={(value) => (probe.value = value)}
          help="0 never asks: then its status is as old as its last exchange."
          input={{ type: "number", min: 0, max: 86_400, class: "is-short" }}
        />
        <ProblemNotice error={action.error.value} />
        <div class="actions">
          <button type="submit" class="button is-main" aria-disabled={action.isBusy}>
            Save
          </button>
          <span role="status">{saved.value ? "Saved." : ""}</span>
        </div>
      </form>
    </section>
  );
}

function About({ settings }: { readonly settings: HubSettings }) {
  return (
    <section class="panel" aria-labelledby="about">
      <h2 id="about">About</h2>
      <dl class="facts">
        <dt>Holdfast</dt>
        <dd>{settings.version}, open source (Apache-2.0). It sends nothing to anybody but your servers.</dd>
        <dt>Address</dt>
        <dd class="mono">{settings.url}</dd>
        <dt>Started</dt>
        <dd>
          <Ago time={settings.startedAt} />
        </dd>
        <dt>Data directory</dt>
        <dd class="mono">{settings.dataDir}</dd>
        {settings.configFile !== undefined && (
          <>
            <dt>Connectors' file</dt>
            <dd class="mono">{settings.configFile}</dd>
            {settings.configProblem !== undefined && (
              <dd>
                <p role="alert">Not followed, its last good state goes on: {settings.configProblem}</p>
              </dd>
            )}
          </>
        )}
        <dt>Commands over page and REST</dt>
        <dd>{settings.allowStdioOverApi ? "allowed" : "refused: they are added in the hub's shell"}</dd>
        <dt>Private addresses over page and REST</dt>
        <dd>{settings.allowPrivateAddresses.length === 0 ? "refused" : settings.allowPrivateAddresses.join(", ")}</dd>
        <dt>Clients</dt>
        <dd>{settings.clientsNeedToken ? "need a token" : "need no token: the hub listens on this machine only"}</dd>
        <dt>REST</dt>
        <dd>
          <a href="/api/v1/openapi.json">OpenAPI document</a>
        </dd>
      </dl>
    </section>
  );
}
