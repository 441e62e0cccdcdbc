// The way in: exchanges the one-time code of the printed link for a cookie. The code never stays in the address bar.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { call, isSignedIn } from "../api.ts";
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

export function Login() {
  const typed = useSignal("");
  const action = useAction();
  const enter = (code: string) =>
    action.run(async () => {
      await call("/login", { method: "POST", body: { code } });
      isSignedIn.value = true;
      if (location.pathname === "/login") go("/", { replace: true });
    });
  useEffect(() => {
    const code = codeIn(location.hash);
    if (code === "") return;
    history.replaceState(null, "", location.pathname);
    void enter(code);
  }, []);
  return (
    <div class="login">
      <Mark />
      <h1>Sign in to this hub</h1>
      <p>
        Open the link that <code class="mono">holdfast serve</code> printed. It works once; for a new one, run{" "}
        <code class="mono">holdfast login-link</code> on the hub's machine.
      </p>
      <form
        class="form"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void enter(codeIn(typed.value));
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
