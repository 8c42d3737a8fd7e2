/** A container of NixOS' kind that starts with its guest: folder, port and address are there, and stay when networkd starts anew. */
import { expect } from "bun:test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { containers, nixosContainer, pageFrom } from "../support/nspawn.ts";
import { inGuest } from "../support/stand-in-nixos.ts";
import { freePort } from "../support/until.ts";
import { testWithVm } from "../support/vm.ts";

const test = testWithVm();

test("a container starts with its guest, with a folder of this machine's and a port on it", async (vm) => {
  const port = await freePort();
  const site = join(vm.inHome, "site");
  await mkdir(site);
  await Bun.write(join(site, "index.html"), "from this machine");
  const addresses = { hostAddress: "10.231.0.1", localAddress: "10.231.0.2" };
  const declared = nixosContainer({ name: "site", ...addresses, hostPort: port, flags: [`--bind=${site}:/www`] });
  await inGuest(vm.folder, `${declared}\nsystemctl --quiet enable container@site.service`);
  await vm.qn("restart");
  expect(await pageFrom(`http://127.0.0.1:${port}/`)).toBe("from this machine");
  expect(await containers(vm)).toEqual([
    { name: "site", state: "running", addresses: expect.arrayContaining(["10.231.0.2"]) },
  ]);
  const restarts = await inGuest(vm.folder, "systemctl show --property=NRestarts --value container@site.service");
  expect(restarts).toBe("0");

  // A switch to another system may do that.
  await inGuest(vm.folder, "systemctl restart systemd-networkd && networkctl reload");
  expect(await inGuest(vm.folder, "ip -4 -brief address show dev ve-site")).toContain(" 10.231.0.1/32");
  expect(await pageFrom(`http://127.0.0.1:${port}/`)).toBe("from this machine");
});
