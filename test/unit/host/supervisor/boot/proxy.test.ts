/** The host's proxy as the guest's Docker gets it. */
import { expect, test } from "bun:test";
import { proxySettings } from "../../../../../src/host/supervisor/boot/proxy.ts";

const local = "localhost,127.0.0.0/8,::1,10.0.2.0/24,host.docker.internal,gateway.docker.internal";

test("a host without a proxy gives no variables, whatever it says about exceptions", () => {
  expect(proxySettings({})).toEqual({});
  expect(proxySettings({ NO_PROXY: "corp.test", HTTP_PROXY: "" })).toEqual({});
});

test("both spellings are read, the upper case wins, and both are given", () => {
  const env = {
    HTTP_PROXY: "http://upper.test:3128",
    http_proxy: "http://lower.test:3128",
    https_proxy: "http://secure.test:3128",
    no_proxy: "corp.test",
  };
  expect(proxySettings(env)).toEqual({
    HTTP_PROXY: "http://upper.test:3128",
    http_proxy: "http://upper.test:3128",
    HTTPS_PROXY: "http://secure.test:3128",
    https_proxy: "http://secure.test:3128",
    NO_PROXY: `corp.test,${local}`,
    no_proxy: `corp.test,${local}`,
  });
});

const rewritten: Readonly<Record<string, string>> = {
  "http://localhost:3128": "http://10.0.2.2:3128",
  "http://LOCALHOST": "http://10.0.2.2",
  "127.0.0.1:3128": "10.0.2.2:3128",
  "http://127.8.9.1:1/": "http://10.0.2.2:1/",
  "http://[::1]:3128": "http://10.0.2.2:3128",
  "https://ann:p@ss%3A@localhost:3128/": "https://ann:p@ss%3A@10.0.2.2:3128/",
  "http://localhost.corp.test:3128": "http://localhost.corp.test:3128",
  "http://ann:localhost@proxy.test:3128": "http://ann:localhost@proxy.test:3128",
  "http://127.0.0.1.nip.test": "http://127.0.0.1.nip.test",
};

test("a proxy at the host's loopback is at slirp's address of the host, all others stay", () => {
  const seen = Object.keys(rewritten).map((url) => [url, proxySettings({ HTTPS_PROXY: url })["HTTPS_PROXY"]]);
  expect(Object.fromEntries(seen)).toEqual(rewritten);
});

test("what would end a line of the guest's list of variables is no proxy", () => {
  expect(proxySettings({ HTTP_PROXY: "http://a.test\nLD_PRELOAD=/x", http_proxy: "http://b.test" })["HTTP_PROXY"]).toBe(
    "http://b.test",
  );
});
