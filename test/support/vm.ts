/** A real VM for the tests of one file: dist/qn boots it, and the real docker command talks to it. */
import { afterAll, beforeAll, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { busyboxArchive } from "./busybox.ts";
import { type Conversation, converse } from "./conversation.ts";
import { type Outcome, qnProgram, repository, runProgram } from "./program.ts";
import { type TempHome, tempHome } from "./temp-home.ts";

/** What `qn up` is given: small enough that a test machine has it to spare, large enough for Docker to work at ease. */
export const bootArgs = ["--cpus", "2", "--memory", "1536"] as const;

/**
 * `docker run` with the guest's own network, which takes three quarters of the time: for tests that are about something else.
 */
export const runPlain = ["run", "--network", "host"] as const;

/** What a command of a test may be given. */
export type CommandOptions = { readonly cwd?: string; readonly stdin?: Uint8Array | Blob };

/** A VM called `default` with a QN_HOME of its own. A command is `docker …`, `qn …` or any other program. */
export type Vm = AsyncDisposable & {
  readonly home: string;
  /** The VM's own folder in QN_HOME. */
  readonly folder: string;
  /** A new folder below the user's home folder, which the VM shares, and one below /tmp. */
  readonly inHome: string;
  readonly inTmp: string;
  /** The variables that make qn and docker use this VM. */
  readonly env: Record<string, string>;
  /** Runs a command that has to succeed; its output without the last line's end. Throws with what it said. */
  succeed(command: readonly string[], options?: CommandOptions): Promise<string>;
  /** Runs a command that has to fail. */
  fail(command: readonly string[], options?: CommandOptions): Promise<Outcome>;
  docker(...words: readonly string[]): Promise<string>;
  qn(...words: readonly string[]): Promise<string>;
  /** Starts a command to talk with. */
  converse(command: readonly string[], options?: { readonly errors?: "only" }): Conversation;
  status(): Promise<VmStatus>;
  /** What there is to see when something went wrong: the last lines of the logs, and the status. */
  diagnosis(): Promise<string>;
};

/** The part of `qn status --json` that tests look at. */
export type VmStatus = {
  readonly state: string;
  readonly reason: string | null;
  readonly docker: { readonly socket: string; readonly reachable: boolean };
  readonly qemu: { readonly pid: number | null };
  readonly supervisor: { readonly pid: number | null };
  readonly ports: readonly PortStatus[];
};

/** One forward in `qn ports --json`. */
export type PortStatus = {
  readonly hostIp: string;
  readonly hostPort: number;
  readonly container: string;
  readonly state: string;
  readonly error: string | null;
};

/**
 * Where QN_HOME lies, the folder of its images if not the usual one (false for none), and variables that every command of
 * the VM's gets.
 */
export type VmOptions = {
  readonly parent?: string;
  readonly images?: string | false;
  readonly env?: Readonly<Record<string, string>>;
};

/** A VM that is described but not made: its folders are there, `qn up` was not called. `parent` is where QN_HOME lies. */
export async function unbornVm(options: VmOptions = {}): Promise<Vm> {
  const qnHome = await tempHome(options);
  return vmAt(qnHome, options.env ?? {}, await mkdtemp(join(homedir(), "qn-test-")), await mkdtemp("/tmp/qn-test-"));
}

/** The same, what is done before the first `qn up`, such as writing its settings, and what that is given besides. */
export type BootOptions = VmOptions & {
  readonly before?: (vm: Vm) => Promise<void>;
  readonly flags?: (vm: Vm) => readonly string[];
};

/** Boots a VM and gives its Docker the image `busybox`. Throws with the VM's logs when that fails. */
export async function bootVm(options: BootOptions = {}): Promise<Vm> {
  const vm = await unbornVm(options);
  try {
    await options.before?.(vm);
    await vm.qn("up", ...bootArgs, ...(options.flags?.(vm) ?? []));
    await giveBusybox(vm);
    return vm;
  } catch (error) {
    console.log(await vm.diagnosis());
    await vm[Symbol.asyncDispose]();
    throw error;
  }
}

/** Gives the VM's Docker an image `busybox`, made from this machine's: no test needs a registry. */
export async function giveBusybox(vm: Vm): Promise<void> {
  await vm.docker("import", "--change", "ENV PATH=/bin", await busyboxArchive(vm.inTmp), "busybox");
}

/** A `test` whose actions get the one VM of this file; `limitMs` is for one that takes long. */
export type VmTest = (name: string, action: (vm: Vm) => Promise<void>, limitMs?: number) => void;

/**
 * Boots a VM before the first test of the file and deletes it after the last; a test that fails shows the VM's logs. On a
 * machine that `lacks` what the tests need, all of them are skipped.
 */
export function testWithVm(boot: () => Promise<Vm> = () => bootVm(), { lacks = false } = {}): VmTest {
  if (lacks) return (name) => test.skip(name, () => {});
  let booting: Promise<Vm>;
  beforeAll(async () => {
    booting = boot();
    // Each test then fails with the reason, which is better than a file without tests.
    await Promise.allSettled([booting]);
  }, deadlinesMs.boot);
  afterAll(async () => {
    const [vm] = await Promise.allSettled([booting]);
    if (vm.status === "fulfilled") await vm.value[Symbol.asyncDispose]();
  }, deadlinesMs.boot);
  return (name, action, limitMs = deadlinesMs.test) =>
    test(
      name,
      async () => {
        const vm = await booting;
        try {
          await action(vm);
        } catch (error) {
          console.log(await vm.diagnosis());
          throw error;
        }
      },
      limitMs,
    );
}

// --- internal ---

/** A test machine may be busy with other things, and emulate the guest. */
const deadlinesMs = { boot: 600_000, test: 240_000 };

function vmAt(qnHome: TempHome, more: Readonly<Record<string, string>>, inHome: string, inTmp: string): Vm {
  const home = qnHome.path;
  const folder = join(home, "default");
  const env = {
    ...more,
    QN_HOME: home,
    DOCKER_HOST: `unix://${join(folder, "docker.sock")}`,
    DOCKER_CONFIG: join(inHome, ".docker"),
    // The builder is a program of its own, which not every machine has; the test that is about it asks for it.
    DOCKER_BUILDKIT: "0",
    PATH: `${process.env["PATH"] ?? ""}:${join(repository, "dist/tools")}`,
  };
  const named = ([program = "", ...words]: readonly string[]) => [program === "qn" ? qnProgram : program, ...words];
  const run = (command: readonly string[], options: CommandOptions = {}) =>
    runProgram(named(command), { cwd: inHome, ...options, env });
  const vm: Vm = {
    home,
    folder,
    inHome,
    inTmp,
    env,
    async succeed(command, options) {
      const outcome = await run(command, options);
      if (outcome.exitCode !== 0) throw new Error(sentence(command, outcome));
      return outcome.stdout.replace(/\n$/, "");
    },
    async fail(command, options) {
      const outcome = await run(command, options);
      if (outcome.exitCode === 0) throw new Error(`It should have failed: ${sentence(command, outcome)}`);
      return outcome;
    },
    docker: (...words) => vm.succeed(["docker", ...words]),
    qn: (...words) => vm.succeed(["qn", ...words]),
    converse: (command, options = {}) => converse(named(command), { ...options, env }),
    status: async () => JSON.parse((await run(["qn", "status", "--json"])).stdout) as VmStatus,
    diagnosis: () => diagnosisOf(folder, () => run(["qn", "status", "--json"])),
    async [Symbol.asyncDispose]() {
      await run(["qn", "delete", "--force", "--data"]);
      await Promise.all([inHome, inTmp].map((path) => rm(path, { recursive: true, force: true })));
      await qnHome[Symbol.asyncDispose]();
    },
  };
  return vm;
}

function sentence(command: readonly string[], { exitCode, stdout, stderr }: Outcome): string {
  return `${command.join(" ")} ended with status ${exitCode}.\n${stdout.slice(-2000)}${stderr.slice(-4000)}`;
}

async function diagnosisOf(folder: string, status: () => Promise<Outcome>): Promise<string> {
  const tails = ["serial.log", "supervisor.log", "agent.log"].map(async (name) => {
    const file = Bun.file(join(folder, name));
    const text = (await file.exists()) ? await file.text() : "it is not there";
    return `--- ${name}\n${text.trim().split("\n").slice(-20).join("\n")}`;
  });
  const { stdout, stderr } = await status();
  return [...(await Promise.all(tails)), `--- qn status --json\n${stdout}${stderr}`].join("\n");
}
