/** The guest's side of a switch, the script itself, with stand-ins for systemd and Nix: who decides, and when. */
import { expect, test } from "bun:test";
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import script from "../../../../../src/host/nixos/deploy/deploy.sh" with { type: "text" };
import { type Outcome, run } from "../../../../../src/system/process.ts";

type Guest = AsyncDisposable & {
  /** Runs a command of the script. */
  call(...words: readonly string[]): Promise<Outcome>;
  /** What systemd, Nix and both systems were told since the last look, without options. */
  told(): Promise<readonly string[]>;
};

/** A guest whose programs write down what they are told; `failing` ones fail for what has this in it. */
async function guest(failing = "nothing"): Promise<Guest> {
  const folder = await mkdtemp("/tmp/qn-deploy-script-");
  const at = (name: string): string => join(folder, name);
  await mkdir(at("old/sw/bin"), { recursive: true });
  for (const system of ["old", "new"]) await mkdir(at(`${system}/bin`), { recursive: true });
  const tells = (name: string): string =>
    `#!/bin/sh\necho "${name} $*" >>${at("told")}\ncase "${name} $*" in *"${failing}"*) exit 4 ;; esac\n`;
  const programs = ["systemctl", "systemd-run", "systemd-notify", "nix-env"].map((name) => [
    `old/sw/bin/${name}`,
    name,
  ]);
  const systems = ["old", "new"].map((name) => [`${name}/bin/switch-to-configuration`, name]);
  for (const [path = "", name = ""] of [...programs, ...systems]) {
    await writeFile(at(path), tells(name));
    await chmod(at(path), 0o755);
  }
  await symlink(at("old"), at("current"));
  const places = {
    "/run/qn/deploy": "state",
    "/nix/var/nix/profiles/system": "profile",
    "/run/current-system": "current",
  };
  const moved = Object.entries({ ...places, "/nix/var/nix/gcroots": "roots" }).reduce(
    (text, [place, name]) => text.replaceAll(`=${place}\n`, `=${at(name)}\n`),
    script,
  );
  await writeFile(at("run"), moved);
  return {
    call: (...words) => run(["sh", at("run"), ...words.map((word) => word.replace("NEW", at("new")))]),
    async told() {
      const text = (await readFile(at("told"), "utf8").catch(() => "")).replaceAll(folder, "");
      await rm(at("told"), { force: true });
      const lines = text.trim().split("\n");
      const units = lines.map((line) => line.replace(/^systemd-run .*--unit=(\S+).*$/, "systemd-run $1"));
      return units.filter((line) => !/^(systemctl (stop|reset-failed)|systemd-notify|$)/.test(line));
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}

test("the way back is armed before the switch begins, and without it none begins", async () => {
  await using well = await guest();
  expect((await well.call("begin", "NEW", "60", "0")).exitCode).toBe(0);
  expect(await well.told()).toEqual(["systemd-run qn-rollback", "systemd-run qn-switch"]);
  await using without = await guest("qn-rollback --on-active=60");
  const { exitCode, stderr } = await without.call("begin", "NEW", "60", "0");
  expect([exitCode, stderr]).toEqual([9, "qn-deploy: no-timer\n"]);
  expect(await without.told()).toEqual(["systemd-run qn-rollback"]);
});

test("a new system runs at first and boots only once it is kept", async () => {
  await using it = await guest();
  await it.call("begin", "NEW", "60", "0");
  await it.told();
  expect((await it.call("switch")).exitCode).toBe(0);
  expect(await it.told()).toEqual(["new test"]);
  expect((await it.call("commit")).exitCode).toBe(0);
  const told = await it.told();
  expect(told).toEqual(["nix-env --profile /profile --set /new", "new boot"]);
});

test("who decides first decides: what is kept does not go back, and what has gone back is not kept", async () => {
  await using kept = await guest();
  await kept.call("begin", "NEW", "60", "0");
  await kept.call("switch");
  await kept.call("commit");
  await kept.told();
  expect((await kept.call("rollback", "too slow")).exitCode).toBe(0);
  expect([await kept.told(), (await kept.call("outcome")).stdout]).toEqual([[], "commit\n"]);
  await using gone = await guest();
  await gone.call("begin", "NEW", "60", "0");
  await gone.call("switch");
  await gone.told();
  await gone.call("rollback", "too slow");
  expect(await gone.told()).toEqual(["systemctl kill --signal=KILL qn-switch.service", "old test"]);
  const { exitCode, stderr } = await gone.call("commit");
  expect([exitCode, stderr]).toEqual([9, "qn-deploy: too-late\n"]);
  expect([await gone.told(), (await gone.call("outcome")).stdout]).toEqual([[], "rollback: too slow\n0\n"]);
});

test("a switch that fails goes back at once, and says with which status it has failed", async () => {
  await using it = await guest("new test");
  await it.call("begin", "NEW", "60", "0");
  await it.told();
  await it.call("switch");
  expect(await it.told()).toEqual(["new test", "systemctl start --no-block qn-rollback.service"]);
  await it.call("rollback", "it was not well within 60 s");
  expect((await it.call("outcome")).stdout).toBe("rollback: the switch ended with status 4\n0\n");
});

test("one deployment at a time, and what is no system is none", async () => {
  await using it = await guest();
  await it.call("begin", "NEW", "60", "0");
  const second = await it.call("begin", "NEW", "60", "0");
  expect([second.exitCode, second.stderr]).toEqual([9, "qn-deploy: busy\n"]);
  const none = await it.call("begin", "/nowhere", "60", "0");
  expect([none.exitCode, none.stderr]).toEqual([9, "qn-deploy: not-a-system\n"]);
});
