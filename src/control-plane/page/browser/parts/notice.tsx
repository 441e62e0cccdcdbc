// What the page says beside a form or in place of a list: a problem in the hub's own words, an empty place, a wait.
import type { ComponentChildren } from "preact";
import { problemFrom } from "../api.ts";

export function ProblemNotice({ error, children }: { readonly error: unknown; readonly children?: ComponentChildren }) {
  if (error === undefined) return null;
  const { problem } = problemFrom(error);
  return (
    <div class="notice is-problem" role="alert">
      <p>
        {!problem.detail.startsWith(problem.title) && <strong>{problem.title.replace(/\.$/, "")}. </strong>}
        {problem.detail}
      </p>
      {problem.errors !== undefined && problem.errors.length > 0 && (
        <ul>
          {problem.errors.map((one) => (
            <li key={one.path}>
              {one.path !== "" && <code>{one.path}</code>} {one.message}
            </li>
          ))}
        </ul>
      )}
      {problem.code !== "-" && <p class="quiet mono">{problem.code}</p>}
      {children}
    </div>
  );
}

export function Empty({ title, children }: { readonly title: string; readonly children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}

/** Bars where rows will be: shown only if it takes long enough to be seen. */
export function Waiting({ rows = 3, what }: { readonly rows?: number; readonly what: string }) {
  return (
    <div class="waiting" role="status" aria-label={`Loading ${what}`}>
      {Array.from({ length: rows }, (_, row) => (
        <span class="bone" key={row} />
      ))}
    </div>
  );
}
