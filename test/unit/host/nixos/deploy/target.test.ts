/** What `qn deploy` is told to bring into a guest. */
import { expect, test } from "bun:test";
import { isTarget, parseTarget } from "../../../../../src/host/nixos/deploy/target.ts";
import { imageInstallable } from "../../../../../src/host/nixos/image.ts";
import { failureOf } from "../../../../support/failures.ts";

test("a name is a nixosConfiguration's, one with dots an attribute, and a folder is taken from here", () => {
  const whole = "config.system.build.toplevel";
  const meant: readonly (readonly [string, ReturnType<typeof parseTarget>])[] = [
    [".#guest", { installable: `/src#nixosConfigurations.guest.${whole}` }],
    ["#guest", { installable: `/src#nixosConfigurations.guest.${whole}` }],
    ["../other#guest", { installable: `/src/../other#nixosConfigurations.guest.${whole}`.replace("/src/..", "") }],
    ["/flake#guest", { installable: `/flake#nixosConfigurations.guest.${whole}` }],
    ["github:ann/machines#web", { installable: `github:ann/machines#nixosConfigurations.web.${whole}` }],
    [".#hydraJobs.web", { installable: "/src#hydraJobs.web" }],
    ["/nix/store/x-nixos-system", { path: "/nix/store/x-nixos-system" }],
  ];
  for (const [word, target] of meant) expect([word, parseTarget(word, "/src")]).toEqual([word, target]);
});

test("a flake without a name is refused, and a VM's name is no target", async () => {
  expect(await failureOf(() => parseTarget(".#", "/src"))).toMatchObject({ code: "USAGE" });
  expect([isTarget("web"), isTarget(".#web"), isTarget("/nix/store/x")]).toEqual([false, true, true]);
});

test("an image is a nixosConfiguration's, or the flake's own for the architecture", () => {
  expect([
    imageInstallable(".#guest", "x86_64"),
    imageInstallable("github:ann/qn", "aarch64"),
    imageInstallable(".#packages.x86_64-linux.image", "x86_64"),
  ]).toEqual([
    ".#nixosConfigurations.guest.config.system.build.qnImage",
    "github:ann/qn#packages.aarch64-linux.image",
    ".#packages.x86_64-linux.image",
  ]);
});
