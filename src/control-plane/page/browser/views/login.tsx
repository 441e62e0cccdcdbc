// The way in: exchanges the one-time code of the printed link for a cookie. The code never stays in the address bar.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { call, enter } from "../api.ts";
import { Field } from "../parts/field.tsx";
import { Mark } from "../parts/icons.tsx";
import { ProblemNotice } from "../parts/notice.tsx";
import { useAction } from "../parts/use-action.ts";
import { go } from "../route.ts";

/** Of a link or of the code alone: what stands behind #, without a name before it. */
export function codeIn(text: string): string {
  const trimmed = text.trim();
  const tail = trimmed.includes("#") ? trimmed.slice(trimmed.indexOf("#") + 1) : trimmed;
  return tail.replace(/^\w+=/, "");
}

function welcome(): void {
  enter();
  if (location.pathname === "/login") go("/", { replace: true });
}

export function Login() {
  const typed = useSignal("");
  const action = useAction();
  const lookAround = () =>
    call("/whoami").then(
      () => welcome(),
      () => {},
    );
  const signIn = (code: string) =>
    action.run(async () => {
      await call("/login", { method: "POST", body: { code } });
      welcome();
    });
  useEffect(() => {
    const code = codeIn(location.hash);
    history.replaceState(null, "", location.pathname);
    // A link that has served opens the hub all the same for whoever is signed in already.
    void (code === "" ? Promise.resolve(false) : signIn(code)).then((isIn) => (isIn ? undefined : lookAround()));
  }, []);
  return (
    <div class="login">
      <Mark />
      <h1>Sign in to this hub</h1>
      <p>
        Open the link that <code class="mono">holdfast serve</code> printed. It works once; whoever is signed in makes
        another one under Settings, and the hub prints a new one at each start.
      </p>
      <form
        class="form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void signIn(codeIn(typed.value));
        }}
      >
        <Field
          label="Link or code"
          value={typed.value}
          onValue={(value) => (typed.value = value)}
          input={{ class: "mono" }}
        />
        <ProblemNotice error={action.error.value} />
        <button type="submit" class="button is-main" aria-disabled={action.isBusy || typed.value.trim() === ""}>
          {action.isBusy ? "Signing in…" : "Sign in"}
        </button>
      </form>
    </div>
  );
}
