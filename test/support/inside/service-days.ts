/** Three days of a VM with a service: run by a test as a program, beside a user manager. The day is its argument. */
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { kill9 } from "../processes.ts";
import { qnProgram, runProgram } from "../program.ts";
import { until } from "../until.ts";
import { bootArgs, type VmStatus } from "../vm.ts";

const told: Record<string, unknown> = {};
const units = join(process.env["HOME"] ?? "", ".config/systemd/user");

/** Runs a program that has to succeed, and gives what it has said to a program or a person. */
async function succeed(...command: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await runProgram(command);
  if (exitCode !== 0) throw new Error(`${command.join(" ")} ended with status ${exitCode}: ${stdout}${stderr}`);
  return `${stdout}${stderr}`.trim();
}
const qn = async (...words: readonly string[]): Promise<string> => await succeed(qnProgram, ...words);
const statusOf = async (): Promise<VmStatus> =>
  JSON.parse((await runProgram([qnProgram, "status", "--json"])).stdout) as VmStatus;
/** The VM once nobody uses it. */
const asleep = async (): Promise<VmStatus> =>
  await until("the VM to fall asleep", 400_000, async () => {
    const now = await statusOf();
    return now.state === "asleep" ? now : undefined;
  });
const serviceNow = async (): Promise<unknown> => JSON.parse(await qn("service", "status", "--json"));

/** The VM once it runs with another supervisor than that one. */
const running = async (notBy: number | null = null): Promise<VmStatus> =>
  await until("the VM to run", 400_000, async () => {
    const now = await statusOf();
    return now.state === "running" && now.supervisor.pid !== notBy ? now : undefined;
  });

/** What the manager says of the VM's unit. */
async function unitSays(property: string): Promise<string> {
  const [unit = ""] = (await readdir(units)).filter((name) => name.endsWith(".service"));
  return await succeed("systemctl", "--user", "show", "--value", `--property=${property}`, unit);
}

const days = {
  /** It is made by hand and given to the service, and both supervisors die. After this program all else does. */
  async first(): Promise<void> {
    await qn("up", ...bootArgs);
    const byHand = await running();
    told["install"] = await qn("service", "install");
    // It is being started, which nobody waits for.
    await until("an active service", 60_000, async () =>
      (await unitSays("ActiveState")) === "active" ? true : undefined,
    );
    told["standing by"] = await serviceNow();
    await kill9(byHand.supervisor.pid);
    const taken = await running(byHand.supervisor.pid);
    told["taken over"] = [
      taken.qemu.pid === byHand.qemu.pid,
      `${taken.supervisor.pid}` === (await unitSays("MainPID")),
    ];
    await kill9(taken.supervisor.pid);
    const again = await running(taken.supervisor.pid);
    told["started again"] = [again.qemu.pid === byHand.qemu.pid, await unitSays("NRestarts")];
    await succeed("docker", "volume", "create", "kept");
    // What the guest has not written when its machine loses its power is lost.
    await qn("ssh", "--", "sync");
  },
  /** Somebody logs in, and gives no command: the manager starts it. */
  async second(): Promise<void> {
    const { supervisor } = await running();
    told["at login"] = [`${supervisor.pid}` === (await unitSays("MainPID")), await serviceNow()];
    told["volumes"] = await succeed("docker", "volume", "ls", "--quiet");
    await qn("config", "set", "idle.after=5s");
    await qn("restart");
    await running(supervisor.pid);
    await succeed("docker", "network", "create", "made-today");
    await asleep();
  },
  /** It slept when the power went, and sleeps on until somebody wants it. */
  async third(): Promise<void> {
    const { supervisor, qemu } = await asleep();
    told["asleep"] = [`${supervisor.pid}` === (await unitSays("MainPID")), qemu.pid];
    told["networks"] = await succeed("docker", "network", "ls", "--quiet", "--filter", "name=made-today");
    told["awake"] = (await statusOf()).supervisor.pid === supervisor.pid;
    told["log"] = (await readFile(join(process.env["QN_HOME"] ?? "", "default/supervisor.log"), "utf8"))
      .split("\n")
      .filter((line) => line.includes("cannot be resumed"));
    await qn("down");
    await until("an inactive service", 60_000, async () =>
      (await unitSays("ActiveState")) === "inactive" ? true : undefined,
    );
    told["after down"] = [await unitSays("Result"), await serviceNow(), (await statusOf()).state];
    told["uninstall"] = await qn("service", "uninstall");
    told["units left"] = existsSync(units) ? await readdir(units, { recursive: true }) : [];
  },
};

const [, , day = ""] = process.argv;
if (day in days) await days[day as keyof typeof days]();
process.stdout.write(`\n${JSON.stringify(told)}\n`);
