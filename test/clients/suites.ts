/** The tests that Docker's clients have of their own: where they are, how they are run, and how their words are read. */

/** How a run of tests ended: what passed and was skipped is counted, what failed has names. */
export type Verdict = { readonly passed: number; readonly skipped: number; readonly failed: readonly string[] };

/** One client's tests. They are got ready in the folder of their source, and run in `folder` there. */
export type Suite = {
  readonly source: { readonly repository: string; readonly tag: string; readonly commit: string };
  readonly prepare: readonly (readonly string[])[];
  /** Images that have to be there before. */
  readonly images: readonly string[];
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly command: readonly string[];
  /** What the command is given besides to run these tests alone: a busy machine fails some that do not wait. */
  readonly alone: (names: readonly string[]) => readonly string[];
  readonly verdict: (output: string) => Verdict;
};

/** What is in the image that testcontainers' tests run, in the folder of their source; they want this Node.js themselves. */
export const imagePackages = {
  folder: "image",
  names: [`node-linux-${process.arch}@22.23.5`, "express@4.16.4"],
  node: `image/node_modules/node-linux-${process.arch}/bin/node`,
} as const;

const quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
/** With their tests, in the versions of the day on which they were last tried. */
const pythonPackages = ["docker==7.2.0", "websocket-client==1.9.2", "paramiko==5.1.0", "pytest==7.4.2"];

/**
 * Moby's tests, one program for each folder; they are told that the daemon is elsewhere. Those that start one of their own
 * are left out by name where they do not skip themselves: they are not there, and end the whole program.
 */
function moby(folder: string, withDaemons: readonly string[] = []): Suite {
  return {
    source: {
      repository: "moby/moby",
      tag: "v26.1.5",
      commit: "411e817ddf710ff8e08fa193da80cb78af708191",
    },
    prepare: [
      ["cp", "vendor.mod", "go.mod"],
      ["go", "test", "-c", "-mod=vendor", "-o", `${folder}.tests`, `./integration/${folder}`],
    ],
    images: ["busybox", "busybox:glibc", "debian:bookworm-slim", "hello-world:frozen"],
    folder: `integration/${folder}`,
    env: { DOCKER_REMOTE_DAEMON: "1" },
    command: [`../../${folder}.tests`, "-test.v", `-test.skip=^(${withDaemons.join("|")})$`],
    alone: (names) => [`-test.run=^(${names.join("|")})$`],
    verdict: goVerdict,
  };
}

/** By the names that docs/clients.md has for them, too. */
export const suites: Readonly<Record<string, Suite>> = {
  "docker-py": {
    source: {
      repository: "docker/docker-py",
      tag: "7.2.0",
      commit: "5ad5327fba623897ee9a527d7eee1b01703e0726",
    },
    prepare: [
      ["python3", "-m", "venv", "python"],
      ["python/bin/pip", "install", "--quiet", ...pythonPackages],
      // The package that is tried is the published one: the source's own lacks its version.
      ["rm", "-rf", "docker"],
    ],
    images: ["alpine:3.10", "busybox"],
    folder: ".",
    env: {},
    // Plugins and stores of credentials are Docker Hub's, and programs of their own.
    command: [
      "python/bin/python",
      "-m",
      "pytest",
      "-rA",
      "--quiet",
      "--tb=short",
      "tests/integration",
      "--ignore=tests/integration/api_plugin_test.py",
      "--ignore=tests/integration/credentials",
    ],
    alone: () => ["--last-failed"],
    verdict: pytestVerdict,
  },
  dockerode: {
    source: {
      repository: "apocas/dockerode",
      tag: "v5.0.1",
      commit: "3624bc02dfc60afdf9b59ade72d34a9b2f2edd5d",
    },
    prepare: [["npm", "ci", ...quiet]],
    images: ["ubuntu", "alpine"],
    folder: ".",
    // With any value it asks where DOCKER_HOST says.
    env: { DOCKER_SOCKET: "elsewhere" },
    command: ["node_modules/.bin/mocha", "-R", "json", "--exit"],
    alone: (names) => ["--grep", names.map((name) => RegExp.escape(name)).join("|")],
    verdict: mochaVerdict,
  },
  testcontainers: {
    source: {
      repository: "testcontainers/testcontainers-node",
      tag: "v12.1.0",
      commit: "cdd8c898420c59747aa9390d97284e038e44e0fb",
    },
    prepare: [
      ["npm", "ci", ...quiet, "--engine-strict=false"],
      ["npm", "install", "--prefix", imagePackages.folder, "--no-save", ...quiet, ...imagePackages.names],
    ],
    images: ["cristianrgreco/testcontainer:1.1.14", "alpine:3.12", "node:10-alpine"],
    folder: ".",
    env: { TESTCONTAINERS_RYUK_DISABLED: "true", TESTCONTAINERS_HOST_OVERRIDE: "localhost", DEBUG: "" },
    command: [
      imagePackages.node,
      "node_modules/vitest/vitest.mjs",
      "run",
      "--reporter=json",
      "--maxWorkers=2",
      ...["generic-container", "wait-strategies", "network", "docker-compose-environment", "container-runtime"].map(
        (each) => `packages/testcontainers/src/${each}`,
      ),
    ],
    alone: (names) => ["--testNamePattern", names.map((name) => RegExp.escape(name)).join("|")],
    verdict: vitestVerdict,
  },
  "moby-container": moby("container", ["TestCDISpecDirsAreInSystemInfo", "TestCreateWithCDIDevices"]),
  "moby-volume": moby("volume"),
  "moby-network": moby("network", ["TestForbidDuplicateNetworkNames"]),
};

/** pytest with `-rA` ends with a line for each test. */
export function pytestVerdict(output: string): Verdict {
  const named = (word: string) =>
    [...output.matchAll(new RegExp(`^${word} (\\S+)`, "gm"))].map(([, name = ""]) => name.replace(/^.*\.py::/, ""));
  const skipped = [...output.matchAll(/^SKIPPED \[(\d+)\]/gm)].reduce((sum, [, count]) => sum + Number(count), 0);
  // A test whose clean-up failed has a line as an error, too.
  const failed = [...new Set([...named("FAILED"), ...named("ERROR")])];
  return { passed: named("PASSED").filter((name) => !failed.includes(name)).length, skipped, failed };
}

/** Go's test programs with `-test.v`; of a test with parts the whole counts. */
export function goVerdict(output: string): Verdict {
  const named = (word: string) =>
    [...output.matchAll(new RegExp(`^--- ${word}: (\\S+)`, "gm"))].map(([, name = ""]) => name);
  const ended = named("FAIL");
  // One that ends the whole program says so no other way.
  const panicked = [...output.matchAll(/^panic: (.*)/gm)].map(([line]) => line);
  return { passed: named("PASS").length, skipped: named("SKIP").length, failed: [...ended, ...panicked] };
}

/** mocha's JSON, after what the tests print themselves. */
export function mochaVerdict(output: string): Verdict {
  const { stats, failures } = lastJson(output, '{\n  "stats"') as {
    readonly stats: { readonly passes: number; readonly pending: number };
    readonly failures: readonly { readonly fullTitle: string }[];
  };
  return { passed: stats.passes, skipped: stats.pending, failed: failures.map(({ fullTitle }) => fullTitle) };
}

/** vitest's JSON. A file that did not come as far as its tests has failed as a whole. */
export function vitestVerdict(output: string): Verdict {
  const { testResults } = lastJson(output, '{"numTotalTestSuites"') as {
    readonly testResults: readonly {
      readonly name: string;
      readonly status: string;
      readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
    }[];
  };
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
  const count = (...wanted: readonly string[]) => tests.filter(({ status }) => wanted.includes(status)).length;
  const files = testResults.filter(
    ({ status, assertionResults }) => status === "failed" && assertionResults.length === 0,
  );
  const failed = tests.filter(({ status }) => status === "failed").map(({ fullName }) => fullName);
  return {
    passed: count("passed"),
    skipped: count("pending", "skipped", "todo"),
    failed: [...failed, ...files.map(({ name }) => name.replace(/^.*\/src\//, ""))],
  };
}

// --- internal ---

function lastJson(output: string, beginning: string): unknown {
  const from = output.lastIndexOf(beginning);
  if (from < 0) throw new Error(`No result in what the tests said:\n${output.slice(-4000)}`);
  return JSON.parse(output.slice(from));
}
