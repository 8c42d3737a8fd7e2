/** A machine whose folder for temporary files cannot be used: whoever makes something in it fails. */

/** Names a folder that is not there as the system's, until disposed of. */
export function withoutTmp(): Disposable {
  const before = process.env["TMPDIR"];
  process.env["TMPDIR"] = "/nowhere/tmp";
  return {
    [Symbol.dispose]() {
      if (before === undefined) delete process.env["TMPDIR"];
      else process.env["TMPDIR"] = before;
    },
  };
}
