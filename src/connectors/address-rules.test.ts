// Which addresses may be connected to: every form of a local one is refused, by name and by number.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { literalAddress, openAddressRules } from "./address-rules.ts";

const rules = openAddressRules([]);

describe("the address rules", () => {
  const refused = `
  0.0.0.0 10.2.3.4 100.64.0.1 127.0.0.1 127.9.9.9 169.254.169.254 172.16.0.1 172.31.255.255 192.168.1.1
  198.18.0.1 224.0.0.1 255.255.255.255 :: ::1 [::1] ::ffff:127.0.0.1 ::ffff:7f00:1 ::ffff:a00:1
  64:ff9b::7f00:1 64:ff9b:1::1 2002:7f00:1:: fc00::1 fd12::1 fe80::1 fe80::1%eth0 fec0::1 ff02::1 2001::1 2001:db8::1 localhost`
    .trim()
    .split(/\s+/);
  for (const address of ["", ...refused]) {
    it(`refuse ${address === "" ? "no address" : address}`, () => {
      assert.equal(rules.isAllowed(address), false);
    });
  }

  for (const address of ["1.1.1.1", "172.32.0.1", "::ffff:8.8.8.8", "2606:4700:4700::1111"]) {
    it(`allow ${address}`, () => {
      assert.equal(rules.isAllowed(address), true);
    });
  }

  it("allow the ranges that are named, and nothing beside them", () => {
    const named = openAddressRules(["127.0.0.1/32", "10.1.0.0/16", "fd00::/8"]);
    const asked = ["127.0.0.1", "127.0.0.2", "10.1.2.3", "10.2.0.1", "fd12::1", "fc12::1"];
    assert.deepEqual(
      asked.map((address) => named.isAllowed(address)),
      [true, false, true, false, true, false],
    );
  });

  for (const range of ["10.0.0.0/33", "10.0.0/8", "intranet", "::/129", "10.0.0.0/x"]) {
    it(`refuse ${range} as a range`, () => {
      assert.throws(() => openAddressRules([range]), /is no address range/);
    });
  }

  it("refuse a name that leads to this machine, at the moment of connecting", async () => {
    const error = await new Promise<NodeJS.ErrnoException | null>((resolve) =>
      rules.lookup("localhost", {}, (failure) => resolve(failure)),
    );
    assert.equal(error?.code, "ERR_ADDRESS_REFUSED");
  });

  it("see through every way to write an address in a URL", () => {
    for (const host of ["2130706433", "0x7f.1", "017700000001", "127.1", "①②⑦.⓪.⓪.①"])
      assert.equal(literalAddress(new URL(`http://${host}/`)), "127.0.0.1", host);
    assert.equal(literalAddress(new URL("http://[::ffff:7f00:1]/")), "::ffff:7f00:1");
    assert.equal(literalAddress(new URL("http://localhost./")), undefined);
  });
});
