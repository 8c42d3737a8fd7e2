/** Whose failure it is that ends a download: the server's, which is tried again, or this machine's. */
import { expect, test } from "bun:test";
import { failureOf, PassingFailure } from "../../../../../src/host/image/pull/ask-server.ts";

const { signal } = new AbortController();
const failing = (code: string) => Object.assign(new Error(`${code}: write`), { code });

test("a full disk is this machine's, whoever hands its error on, and no other try is made", () => {
  for (const code of ["ENOSPC", "EDQUOT", "EROFS"]) {
    const own = failing(code);
    expect(failureOf(own, "https://mirror/x", signal)).toBe(own);
    expect(failureOf(new Error("the body ended", { cause: own }), "https://mirror/x", signal)).toBe(own);
  }
});

test("a connection that breaks is tried again, a certificate that is not trusted is not", () => {
  expect(failureOf(failing("ECONNRESET"), "https://mirror/x", signal)).toBeInstanceOf(PassingFailure);
  expect(failureOf(failing("CERT_HAS_EXPIRED"), "https://mirror/x", signal)).toMatchObject({
    code: "IMAGE_PULL_FAILED",
  });
});
