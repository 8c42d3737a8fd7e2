/** What a person hears of settings that an older agent does not know. */
import { expect, test } from "bun:test";
import { tellOfCertificates } from "../../../../../src/host/supervisor/seam/passed-over.ts";
import { capabilities } from "../../../../../src/protocol/skew.ts";

test("an agent that takes no certificates is told of when there are some", () => {
  const hello = { type: "hello", protocol: 2, version: "0.0.9" } as const;
  const told: string[] = [];
  const warn = (text: string): void => void told.push(text);
  tellOfCertificates(hello, "none", warn);
  tellOfCertificates({ ...hello, capabilities: [...capabilities] }, "host", warn);
  expect(told).toEqual([]);
  tellOfCertificates({ ...hello, capabilities: ["disks"] }, "host", warn);
  tellOfCertificates(hello, "/company.pem", warn);
  expect(told).toEqual([
    expect.stringContaining("too old for the setting docker.caCertificates"),
    expect.stringContaining("too old for the setting docker.caCertificates"),
  ]);
});
