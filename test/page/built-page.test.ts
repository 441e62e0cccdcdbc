// The built page as files: what it weighs, what its answers allow, and that the theme that was chosen is in the document itself.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";
import { openPage, type Page } from "../../src/control-plane/page/index.ts";

const directory = fileURLToPath(new URL("../../dist/page/", import.meta.url));
const assets = readdirSync(`${directory}assets`);
const mostBytes = 120_000;

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString();

describe("the built page", () => {
  let page: Page;
  before(async () => (page = await openPage(directory)));

  const get = (path: string, headers: Readonly<Record<string, string>> = {}) => {
    const answer = page.answer({ path, headers });
    assert.ok(answer, path);
    return answer;
  };

  it(`weighs less than ${mostBytes / 1_000} kB in all, zipped`, (context) => {
    const files = ["index.html", ...assets.map((name) => `assets/${name}`)];
    const bytes = files.reduce((sum, file) => sum + gzipSync(readFileSync(directory + file)).length, 0);
    context.diagnostic(`${bytes} bytes in ${files.length} files`);
    assert.ok(bytes < mostBytes, `${bytes} bytes`);
  });

  it("loads the chart only when it is needed", () => {
    const html = text(get("/").body);
    const chart = assets.find((name) => /^chart-.*\.js$/.test(name));
    assert.ok(chart !== undefined, assets.join());
    assert.ok(!html.includes(chart));
  });

  it("holds no script, style or handler in its document", () => {
    const html = text(get("/").body);
    assert.match(html, /<script type="module"[^>]* src="\/assets\/[^"]+"><\/script>/);
    assert.doesNotMatch(html, /<script(?![^>]* src=)|<style|\son\w+=|style=/);
  });

  it("is answered with a policy that permits no script but the hub's own files, and no markup made of text", () => {
    for (const path of ["/", "/settings", `/assets/${assets[0] ?? ""}`]) {
      const policy = get(path).headers["content-security-policy"] ?? "";
      assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/);
      assert.doesNotMatch(policy, /unsafe|https?:|\*/);
      for (const part of ["frame-ancestors 'none'", "base-uri 'none'", "require-trusted-types-for 'script'"]) {
        assert.ok(policy.includes(part), part);
      }
    }
  });

  it("stands at each path that it draws, and at no other", () => {
    for (const path of ["/", "/login", "/add", "/settings", "/connectors/a.b", "/connectors/a/inspector"]) {
      assert.match(get(path).headers["content-type"] ?? "", /^text\/html/, path);
    }
    for (const path of ["/api/v1/connectors", "/c/a/mcp", "/metrics", "/assets/../index.html", "/index.html", "/x"]) {
      assert.equal(page.answer({ path, headers: {} }), undefined, path);
    }
  });

  it("is asked for again each time, its hashed files never", () => {
    const document = get("/");
    assert.equal(document.headers["cache-control"], "no-cache");
    const again = get("/", { "if-none-match": document.headers["etag"] ?? "" });
    assert.deepEqual([again.status, again.body.length], [304, 0]);
    assert.match(get(`/assets/${assets[0] ?? ""}`).headers["cache-control"] ?? "", /immutable/);
  });

  it("comes zipped to whoever takes that", () => {
    const plain = get("/");
    const zipped = get("/", { "accept-encoding": "gzip, br" });
    assert.equal(zipped.headers["content-encoding"], "gzip");
    assert.equal(text(gunzipSync(zipped.body)), text(plain.body));
  });

  it("holds the chosen theme, so that the first paint is right without a script", () => {
    assert.doesNotMatch(text(get("/").body), /data-theme/);
    for (const theme of ["light", "dark"]) {
      const html = text(get("/", { cookie: `a=b; holdfast-theme=${theme}` }).body);
      assert.match(html, new RegExp(`<html data-theme="${theme}" `));
      assert.match(html, new RegExp(`name="color-scheme" content="${theme}"`));
    }
  });

  it("takes nothing but a theme's name from that cookie", () => {
    const plain = text(get("/").body);
    for (const value of ["system", "blue", '"><script>', "dark2"]) {
      assert.equal(text(get("/", { cookie: `holdfast-theme=${value}` }).body), plain, value);
    }
  });
});
