/** `qn deploy` with a system shaped like NixOS'. What may go wrong with one is in test/long/deploy.test.ts. */
import { expect } from "bun:test";
import { installSystems, systemPath, systemsNow } from "../../support/stand-in-nixos.ts";
import type { VmTest } from "../../support/vm.ts";

/** A system that is found well. */
export function deployTests(test: VmTest): void {
  test("a system that is deployed and well runs, and boots from now on", async (vm) => {
    await installSystems(vm.folder);
    await vm.qn("deploy", systemPath("second"));
    expect(await systemsNow(vm.folder)).toEqual({
      runs: "second",
      boots: "second",
      profile: "second",
      generation: "2",
    });
    expect((await vm.status()).state).toBe("running");
  });
}
