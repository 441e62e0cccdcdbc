// A user at a browser: follows redirects, keeps cookies, fills in the forms of an authorization server. Over real HTTP; knows nothing of Holdfast.

export interface Page {
  readonly url: string;
  readonly status: number;
  readonly text: string;
  readonly headers: Headers;
}

export class UserAgent {
  readonly #jar = new Map<string, Map<string, string>>();

  /** `before`: an origin that is not gone to; the page is then the address to which one was sent. */
  async open(url: string, init: RequestInit = {}, before?: string): Promise<Page> {
    for (let hops = 0, at = url, how = init; hops < 20; hops += 1) {
      const { host, origin } = new URL(at);
      if (origin === before) return { url: at, status: 0, text: "", headers: new Headers() };
      const cookies = [...(this.#jar.get(host) ?? [])].map(([name, value]) => `${name}=${value}`).join("; ");
      const headers = { ...(how.headers as Record<string, string>), ...(cookies === "" ? {} : { cookie: cookies }) };
      const answer = await fetch(at, { ...how, headers, redirect: "manual" });
      this.keep(host, answer.headers.getSetCookie());
      const location = answer.headers.get("location");
      if (location === null || answer.status < 300 || answer.status >= 400)
        return { url: at, status: answer.status, text: await answer.text(), headers: answer.headers };
      await answer.body?.cancel();
      at = new URL(location, at).href;
      how = {};
    }
    throw new Error(`${url} redirects without an end`);
  }

  /** As a browser takes them; their paths do not matter here. */
  keep(host: string, setCookies: readonly string[]): void {
    const kept = this.#jar.get(host) ?? new Map<string, string>();
    this.#jar.set(host, kept);
    for (const cookie of setCookies) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      if (value === "") kept.delete(name);
      else kept.set(name, value);
    }
  }

  /** Fills in the page's form and sends it. */
  async submit(page: Page, fields: Readonly<Record<string, string>> = {}, before?: string): Promise<Page> {
    const action = /<form[^>]*action="([^"]+)"/.exec(page.text)?.[1];
    if (action === undefined) throw new Error(`no form at ${page.url}: ${page.text.slice(0, 300)}`);
    const hidden = [...page.text.matchAll(/<input[^>]*type="hidden"[^>]*>/g)].map(([tag]) => [
      /name="([^"]+)"/.exec(tag)?.[1] ?? "",
      /value="([^"]*)"/.exec(tag)?.[1] ?? "",
    ]);
    const body = new URLSearchParams({ ...(Object.fromEntries(hidden) as Record<string, string>), ...fields });
    return this.open(
      new URL(action, page.url).href,
      {
        method: "POST",
        headers: { "content-type": "application/x-www-form-urlencoded" },
        body: body.toString(),
      },
      before,
    );
  }

  /** Opens the link, signs in as `user` where that is asked for, and allows what is asked; the last page is where the browser was sent back to. */
  async signIn(url: string, user = "anna", before?: string): Promise<Page> {
    let page = await this.open(url, {}, before);
    for (let forms = 0; forms < 5 && page.text.includes("<form"); forms += 1) {
      const isLogin = page.text.includes('name="login"');
      page = await this.submit(page, isLogin ? { login: user, password: "anything" } : {}, before);
    }
    return page;
  }
}
