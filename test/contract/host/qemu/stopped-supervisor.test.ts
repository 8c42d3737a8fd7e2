/** A supervisor that is stopped, as by a debugger or SIGSTOP, beside a real QEMU whose guest floods what it hears. */
import { expect, test } from "bun:test";
import { mkdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { layoutOf } from "../../../../src/host/layout.ts";
import { monitor, serialConsole } from "../../../../src/host/qemu/devices.ts";
import { awaitQmp } from "../../../../src/host/qmp/client.ts";
import { queryStatus } from "../../../../src/host/qmp/commands.ts";
import { newVoice } from "../../../../src/host/supervisor/boot/voice.ts";
import { floodingQemu, qemu } from "../../../support/flooding-guest.ts";
import type { Said } from "../../../support/hearing-run.ts";
import { newFolder } from "../../../support/folder.ts";
import { repository } from "../../../support/program.ts";
import { until } from "../../../support/until.ts";

/** What floods, its log, and whether QEMU answers while nobody takes it: what it says itself it waits to say. */
const floods = [
  { way: "talks", log: "serial", isAnswering: true },
  { way: "breaks a device", log: "qemu", isAnswering: false },
] as const;

/** As long as a flood has to show what it costs. */
const stoppedMs = 2_000;

async function residentMiB(pid: number): Promise<number> {
  return Number(/^VmRSS:\s+(\d+)/m.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
}

/** The third word of /proc/PID/stat, behind a name that may have blanks (proc_pid_stat(5)). */
async function isStopped(pid: number): Promise<boolean> {
  return /\) T [^)]*$/.test(await readFile(`/proc/${pid}/stat`, "utf8"));
}

for (const { way, log, isAnswering } of floods) {
  test.skipIf(qemu === undefined || process.platform !== "linux")(
    `while it is stopped a guest that ${way} costs neither disk nor memory, and then all goes on`,
    async () => {
      await using folder = await newFolder();
      const paths = layoutOf(folder.path).vm("default");
      await mkdir(paths.folder);
      const voice = newVoice(paths);
      const devices = [...monitor(paths.qmpSocket), ...serialConsole(paths.serialSocket)];
      const stdio = { stdin: "ignore", stdout: voice.fd, stderr: voice.fd } as const;
      const child = Bun.spawn(await floodingQemu(way, folder.path, devices), stdio);
      await using qmp = await awaitQmp(paths.qmpSocket);
      const hearing = Bun.spawn([process.execPath, join(repository, "test/support/hearing-run.ts"), paths.folder]);
      // From now on it alone hears; what it has cut away counts, too.
      const heard = async (): Promise<number> => (await stat(paths.logs[log]).catch(() => ({ size: 0 }))).size;
      const hasGrown = async (): Promise<true | undefined> => ((await heard()) > 0 ? true : undefined);
      try {
        const { value = new Uint8Array() } = await hearing.stdout.getReader().read();
        expect(Buffer.from(value).toString()).toBe("hearing\n" satisfies Said);
        voice.close();
        await until("its words", 60_000, hasGrown);
        hearing.kill("SIGSTOP");
        await until("its stop", 10_000, async () => (await isStopped(hearing.pid)) || undefined);
        const before = await residentMiB(child.pid);
        if (isAnswering) await queryStatus(qmp);
        const kept = await heard();
        await Bun.sleep(stoppedMs);
        expect(await heard()).toBe(kept);
        expect((await residentMiB(child.pid)) - before).toBeLessThan(16);
        const answered = queryStatus(qmp);
        if (isAnswering) await answered;
        hearing.kill("SIGCONT");
        expect(await answered).toEqual({ running: true, status: "running" });
        await until("other words", 60_000, async () => ((await heard()) === kept ? undefined : true));
      } finally {
        voice.close();
        for (const each of [hearing, child]) each.kill("SIGKILL");
        await Promise.all([hearing.exited, child.exited]);
      }
    },
    150_000,
  );
}
