// Something the user typed cannot be used. The message says what and how to mend it, and never repeats a secret.

export class ConfigError extends Error {
  override readonly name = "ConfigError";
}
