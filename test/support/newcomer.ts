/** Somebody who comes to qn for the first time: an account of their own, with nothing in its home folder but the programs. */
import { chown, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { succeed } from "../../scripts/support/succeed.ts";
import { copyPrograms, dockerProgram, qnProgram, runProgram } from "./program.ts";
import { type Typist, typist } from "./typist.ts";
import { until } from "./until.ts";

/** An account; it goes away at the end of the test, and what its processes have left with it. */
export type Newcomer = AsyncDisposable & { readonly home: string; readonly typist: Typist };

/** Makes the account `name`, with `env` in its shell. For root only. */
export async function newcomer(name: string, env: Readonly<Record<string, string>>): Promise<Newcomer> {
  await forget(name);
  const home = homeOf(name);
  await succeed(["useradd", "--create-home", "--home-dir", home, "--shell", "/bin/bash", name]);
  if ((await runProgram(["getent", "group", "kvm"])).exitCode === 0)
    await succeed(["usermod", "--append", "--groups", "kvm", name]);
  const [, , uid, gid] = (await succeed(["getent", "passwd", name])).split(":");
  const programs = join(home, "bin");
  await copyPrograms(programs, { qn: qnProgram, docker: dockerProgram() });
  await chown(programs, Number(uid), Number(gid));
  // At a terminal curl shows no bars when the answer goes there too.
  await writeFile(join(home, ".curlrc"), "silent\nshow-error\n");
  const variables = {
    PATH: `${programs}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
    NO_PROXY: "127.0.0.1,localhost,::1",
    QN_TEST_FOLDER: process.env["QN_TEST_FOLDER"] ?? "",
    ...env,
  };
  const become = ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--init-groups", "--reset-env", "env"];
  const shell = typist([...become, ...Object.entries(variables).map(([key, value]) => `${key}=${value}`)], {
    cwd: home,
  });
  return {
    home,
    typist: shell,
    async [Symbol.asyncDispose]() {
      await shell[Symbol.asyncDispose]();
      await forget(name);
    },
  };
}

// --- internal ---

/** Ends what runs as `name` and removes the account with its home; of one that is not there its home alone. */
async function forget(name: string): Promise<void> {
  const found = await runProgram(["id", "-u", name]);
  if (found.exitCode === 0) {
    const uid = found.stdout.trim();
    // As that user, so that nobody else's process can be meant; the first of the signals is its own end too.
    await runProgram(["setpriv", `--reuid=${uid}`, "--clear-groups", "kill", "-KILL", "--", "-1"]);
    // A QEMU that is ending still writes.
    await until(`the end of what runs as ${name}`, 20_000, async () =>
      (await runProgram(["pgrep", "--uid", uid])).exitCode === 1 ? true : undefined,
    );
    await succeed(["userdel", name]);
  }
  await rm(homeOf(name), { recursive: true, force: true });
}

function homeOf(name: string): string {
  return `/home/${name}`;
}
