/** Ends a throw-away VM with the process that has made it, however that ends: a small program beside it sees to it. */

/** What it is told: which QEMU runs, none, and that all is done. */
export type Holder = {
  readonly runs: (pid: number) => void;
  readonly runsNone: () => void;
  readonly release: () => void;
};

/** Holds on to the VM whose files are below `folder`, until `release`, or until this process is no more. */
export function holdOn(folder: string): Holder {
  const child = Bun.spawn(["/bin/sh", "-c", script, "qn-run", folder], {
    cwd: "/",
    stdin: "pipe",
    stdout: "ignore",
    stderr: "ignore",
    // In a session of its own: what ends all of a terminal must not end it.
    detached: true,
  });
  child.unref();
  const tell = (word: string): void => {
    void child.stdin.write(`${word}\n`);
    void child.stdin.flush();
  };
  return {
    runs: (pid) => tell(`${pid}`),
    // The number may be another program's from now on.
    runsNone: () => tell(""),
    release: () => {
      tell("done");
      void child.stdin.end();
    },
  };
}

// --- internal ---

/** A pipe whose writer has ended reads as an end. */
const script = `pid=
while read -r word; do
  [ "$word" = done ] && exit
  pid=$word
done
[ -n "$pid" ] && kill -9 "$pid"
rm -rf "$1"`;
