/** Certificate authorities of tests, and what they sign, made with this machine's openssl. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../src/system/process.ts";

/** A server's key and certificate, and the file of the authority that has signed it. */
export type Certified = { readonly key: string; readonly cert: string; readonly caFile: string };

/** A certificate authority of one's own in `folder`, and a server's certificate by it for these names. */
export async function certify(folder: string, names: readonly string[]): Promise<Certified> {
  const openssl = async (...words: string[]): Promise<void> => {
    const { exitCode, stderr } = await run(["openssl", ...words], { cwd: folder });
    if (exitCode !== 0) throw new Error(stderr);
  };
  const pair = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const subject = ["-days", "2", "-subj", `/CN=a CA of qn's tests for ${names[0]}`];
  await openssl("req", "-x509", ...pair, "-keyout", "ca.key", "-out", "ca.pem", ...subject);
  await openssl("req", ...pair, "-keyout", "server.key", "-out", "server.csr", "-subj", `/CN=${names[0]}`);
  await Bun.write(join(folder, "names"), `subjectAltName=${names.map((name) => `DNS:${name}`).join(",")}`);
  const by = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names"];
  await openssl("x509", "-req", "-in", "server.csr", ...by, "-out", "server.pem", "-days", "2");
  const [key = "", cert = ""] = await Promise.all(
    ["server.key", "server.pem"].map((name) => readFile(join(folder, name), "utf8")),
  );
  return { key, cert, caFile: join(folder, "ca.pem") };
}
