// `holdfast login` and `logout` as a user types them: with a hub that runs and without one, against oidc-provider and a user agent at its forms.
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it } from "node:test";
import { startHub } from "../support/hub.ts";
import { type Shell, shellOn } from "../support/hub-shell.ts";
import { type Child, startChild, temporaryDirectory } from "../support/process.ts";
import { program } from "../support/run-holdfast.ts";
import { startSignInServer } from "../support/sign-in-server.ts";
import { openSignInStage } from "../support/signed-in.ts";
import { UserAgent } from "../support/user-agent.ts";

const timeout = 120_000;
type Json = Readonly<Record<string, unknown>>;

const linkIn = /^ {2}(http\S+)$/m;

/** `holdfast login one`, up to its link. */
async function login(
  dataDir: string,
  ...flags: readonly string[]
): Promise<{ readonly child: Child; readonly link: string }> {
  const args = [program, "login", "one", "--data-dir", dataDir, ...flags];
  const child = await startChild(process.execPath, args);
  await child.waitForLine(linkIn);
  return { child, link: linkIn.exec(child.output("stderr"))?.[1] ?? "" };
}

async function ended(child: Child) {
  const status = await child.exited;
  return { status, stdout: child.output("stdout"), stderr: child.output("stderr") };
}

describe("holdfast login with a hub that runs", { timeout }, () => {
  it("shows a link, waits for the browser and says who is signed in where", async () => {
    await using stage = await openSignInStage();
    const { child, link } = await login(stage.hub.dataDir);
    assert.equal((await new UserAgent().signIn(link)).status, 200);
    const { status, stdout, stderr } = await ended(child);
    assert.equal(status, 0, stderr);
    assert.equal(stdout, `Signed in to one as anna@example.com at ${stage.server.issuer}.\n`);
    assert.match(stderr, /Asking the hub at/);
    await stage.hub.until("one", "connected");
    const got = await shellOn(stage.hub.dataDir).run("get", "one");
    assert.match(got.stdout, /Signed in: +at http:\/\/127\.0\.0\.1:\d+ as anna@example\.com, \d+ s ago/);
    assert.match(got.stdout, /Credential: +until \d{4}-\S+, renewed before/);
    const doctor = await shellOn(stage.hub.dataDir).run("doctor", "one");
    assert.equal(doctor.status, 0, doctor.stdout);
    const said = got.stdout + stdout + stderr + doctor.stdout;
    for (const token of stage.server.issued) assert.ok(!said.includes(token));
  });

  it("prints with --json what get shows of it, and nothing else on standard output", async () => {
    await using stage = await openSignInStage();
    const { child, link } = await login(stage.hub.dataDir, "--json", "--quiet");
    await new UserAgent().signIn(link);
    const { status, stdout, stderr } = await ended(child);
    assert.equal(status, 0, stderr);
    const { signedIn, signIn } = JSON.parse(stdout) as { signedIn: boolean; signIn: Json };
    assert.deepEqual([signedIn, signIn["issuer"], signIn["isRenewable"]], [true, stage.server.issuer, true]);
    assert.deepEqual(await shellOn(stage.hub.dataDir).json("logout", "one"), { loggedOut: true, revoked: true });
    await stage.hub.until("one", "needs-sign-in");
  });

  it("ends with exit code 3 where it is given up or not granted", async () => {
    await using stage = await openSignInStage();
    const given = await login(stage.hub.dataDir);
    process.kill(given.child.pid, "SIGINT");
    const { status, stderr } = await ended(given.child);
    assert.equal(status, 3);
    assert.match(stderr, /Not signed in to one: given up\.\n$/);
    const denied = await login(stage.hub.dataDir);
    const back = new URL(new URL(denied.link).searchParams.get("redirect_uri") ?? "");
    back.searchParams.set("state", new URL(denied.link).searchParams.get("state") ?? "");
    back.searchParams.set("iss", stage.server.issuer);
    back.searchParams.set("error", "access_denied");
    assert.equal((await new UserAgent().open(back.href)).status, 403);
    const refused = await ended(denied.child);
    assert.equal(refused.status, 3);
    assert.match(refused.stderr, /says access_denied\. .*\(SIGN_IN_REFUSED\)/);
  });

  it("takes a client's secret from a variable or a file alone, never from the command line", async () => {
    await using directory = await temporaryDirectory();
    const sh: Shell = shellOn(join(directory.path, "data"));
    const typed = await sh.run("login", "one", "--client-id", "x", "--client-secret", "canary-s3cret");
    assert.equal(typed.status, 1);
    assert.match(typed.stderr, /takes the name of a variable/);
    assert.ok(!typed.stderr.includes("canary-s3cret"));
    const unset = await sh.run("login", "one", "--client-id", "x", "--client-secret", "${NOT_SET}");
    assert.match(unset.stderr, /--client-secret needs the variable NOT_SET/);
    const missing = await sh.run("login", "one", "--client-id", "x", "--client-secret-file", "/nowhere");
    assert.match(missing.stderr, /\/nowhere cannot be read \(ENOENT\)/);
    const alone = await sh.run("login", "one", "--client-secret", "${HOME}");
    assert.match(alone.stderr, /with --client-id alone/);
  });
});

describe("holdfast login without a hub", { timeout }, () => {
  it("signs in all the same: the next hub finds the credential in the store, and logout takes it out", async () => {
    await using server = await startSignInServer();
    await using directory = await temporaryDirectory();
    const dataDir = join(directory.path, "data");
    const sh = shellOn(dataDir);
    await sh.json("add", "one", server.url, "--transport", "http");
    const { child, link } = await login(dataDir);
    const page = await new UserAgent().signIn(link);
    assert.match(page.text, /Holdfast is signed in to one/);
    const { status, stderr } = await ended(child);
    assert.equal(status, 0, stderr);
    assert.match(stderr, /Using the store in .* \(no hub runs\)/);
    assert.equal(((await sh.json("get", "one"))["signIn"] as Json)["subject"], "anna@example.com");
    assert.equal((await sh.json("test", "one"))["ok"], true);
    {
      await using hub = await startHub({ args: ["--no-demo"], dataDir });
      await hub.until("one", "connected");
      const call = await sh.run("call", "one", "whoami");
      assert.match(call.stdout, /anna, call 1/, call.stderr);
      await hub.stop();
    }
    assert.deepEqual(await sh.json("logout", "one"), { loggedOut: true, revoked: true });
    assert.equal((await sh.json("get", "one"))["signIn"], undefined);
  });
});
