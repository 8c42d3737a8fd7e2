/** Sources of images as the setting imageUrl may name them. */
import { expect, test } from "bun:test";
import { imageSourceOf } from "../../../../src/host/config/image-source.ts";

test.each([
  ["release", { kind: "release" }],
  ["none", { kind: "none" }],
  ["/srv/images/", { kind: "folder", path: "/srv/images" }],
  ["file:///srv/my%20images", { kind: "folder", path: "/srv/my images" }],
  ["https://mirror.example", { kind: "web", base: "https://mirror.example/" }],
  ["https://mirror.example:8443/qn/v1", { kind: "web", base: "https://mirror.example:8443/qn/v1/" }],
  ["http://127.0.0.1:8080/qn/", { kind: "web", base: "http://127.0.0.1:8080/qn/" }],
  ["http://[::1]/", { kind: "web", base: "http://[::1]/" }],
] as const)("images may come from %s", (text, source) => {
  expect(imageSourceOf(text)).toEqual(source);
});

test.each([
  "",
  "mirror.example",
  "./images",
  "http://mirror.example/",
  "http://localhost.mirror.example/",
  "http://127.0.0.1.example/",
  "https://ann:secret@mirror.example/",
  "https://mirror.example/?token=1",
  "https://mirror.example/#top",
  "file://server/srv",
  "file:///srv/a%2Fb",
  "ftp://mirror.example/",
  "data:text/plain,x",
])("images never come from %p", (text) => {
  expect(imageSourceOf(text)).toBeUndefined();
});
