/** Programs in Go that talk to Docker by libraries of their own: buildx, act and kind. */
import { expect } from "bun:test";
import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { page } from "../../support/busybox.ts";
import { runPlain, type Vm, type VmTest } from "../../support/vm.ts";
import { freePort, knock } from "../../support/until.ts";

/** Each test of a program that is below `folder`. */
export function goProgramTests(test: VmTest, folder: string): void {
  test("buildx: bake with a context beside the project, a secret, an image and a folder that come out", async (vm) => {
    const plugins = join(vm.inHome, ".docker/cli-plugins");
    await mkdir(plugins, { recursive: true });
    await symlink(join(folder, "buildx"), join(plugins, "docker-buildx"));
    const project = join(vm.inHome, "baked");
    await Bun.write(join(project, "lib/file"), "from the project\n");
    await Bun.write(join(project, "secret"), "a secret\n");
    await Bun.write(join(vm.inTmp, "beside/file"), "from beside\n");
    const mounts =
      "--mount=type=secret,id=word --mount=type=cache,target=/cache --mount=type=bind,from=beside,target=/b";
    const lines = [
      "FROM busybox AS base",
      "ARG WORD",
      "COPY lib /lib",
      `RUN ${mounts} cat /lib/file /b/file /run/secrets/word >/found; echo $WORD >>/found; cat /cache/word >>/found || true; echo kept >/cache/word`,
      "FROM scratch AS files",
      "COPY --from=base /found /",
      "FROM base AS image",
      "CMD cat /found",
    ];
    await Bun.write(join(project, "Dockerfile"), `${lines.join("\n")}\n`);
    const common = { contexts: { beside: join(vm.inTmp, "beside") }, secret: ["id=word,src=secret"] };
    const target = {
      image: { ...common, target: "image", tags: ["baked"], args: { WORD: "one" }, output: ["type=docker"] },
      files: { ...common, target: "files", args: { WORD: "two" }, output: ["type=local,dest=out"] },
    };
    await Bun.write(join(project, "docker-bake.json"), JSON.stringify({ target }));
    const bake = ["docker", "buildx", "bake", `--allow=fs.read=${vm.inTmp}`, "--progress=plain"];
    await vm.succeed([...bake, "image"], { cwd: project });
    const found = "from the project\nfrom beside\na secret\n";
    expect(await vm.docker(...runPlain, "--rm", "baked")).toBe(`${found}one`);
    await vm.succeed([...bake, "files"], { cwd: project });
    expect(await Bun.file(join(project, "out/found")).text()).toBe(`${found}two\nkept\n`);
    const words = `docker buildx build --quiet --load --tag piped --target image --secret id=word,src=secret`;
    const piped = `tar -c Dockerfile lib | ${words} --build-context beside=${vm.inTmp}/beside -`;
    await vm.succeed(["sh", "-c", piped], { cwd: project });
    expect(await vm.docker(...runPlain, "--rm", "piped")).toBe(`${found}\nkept`);
  });

  test("act: jobs with a service, what the first says to the others, the project's folder copied and mounted", async (vm) => {
    const [project, port] = [join(vm.inHome, "workflow"), await freePort()];
    await Bun.write(
      join(vm.inHome, "service/Dockerfile"),
      'FROM busybox\nCMD ["httpd", "-f", "-p", "80", "-h", "/www"]\n',
    );
    await vm.docker("build", "--quiet", "--tag", "service", join(vm.inHome, "service"));
    const sh = (run: string, more = {}) => ({ run, shell: "sh", ...more });
    const runner = { "runs-on": "ubuntu-latest" };
    const workflow = {
      on: "push",
      jobs: {
        first: {
          ...runner,
          services: { web: { image: "service", ports: [`${port}:80`] } },
          outputs: { word: "${{ steps.say.outputs.word }}" },
          steps: [
            { uses: "actions/checkout@v4" },
            sh("cat here; echo made >made"),
            sh(`wget -qO- http://localhost:${port}/`),
            sh("echo word=heard >>$GITHUB_OUTPUT", { id: "say" }),
            // Its job's container has Docker's socket.
            sh("test -S /var/run/docker.sock"),
          ],
        },
        second: {
          ...runner,
          needs: "first",
          container: { image: "busybox", volumes: [`${vm.inTmp}:/shared`] },
          steps: [sh("echo ${{ needs.first.outputs.word }} >/shared/answer")],
        },
      },
    };
    await Bun.write(join(project, ".github/workflows/ci.yml"), JSON.stringify(workflow));
    await Bun.write(join(project, "here"), "from the host\n");
    const git = ["git", "-c", "user.name=ann", "-c", "user.email=ann@example.com"];
    for (const words of [
      ["init", "-q"],
      ["add", "-A"],
      ["commit", "-qm", "all"],
    ]) {
      await vm.succeed([...git, ...words], { cwd: project });
    }
    const offline = ["--pull=false", "--no-cache-server", "--artifact-server-addr", "127.0.0.1"];
    const act = [join(folder, "act"), "push", "--platform", "ubuntu-latest=busybox", ...offline];
    const copied = await vm.succeed(act, { cwd: project });
    for (const line of ["from the host", page.trimEnd()]) expect(copied).toContain(`| ${line}`);
    expect(await Bun.file(join(vm.inTmp, "answer")).text()).toBe("heard\n");
    expect(await Bun.file(join(project, "made")).exists()).toBe(false);
    await vm.succeed([...act, "--bind", "--job", "first"], { cwd: project });
    expect(await Bun.file(join(project, "made")).text()).toBe("made\n");
    expect(await vm.docker("ps", "--all", "--quiet", "--filter", "name=^act-")).toBe("");
    expect(await knock("127.0.0.1", port)).toBe("ECONNREFUSED");
  });

  test("kind: a node that only says that it is one comes up, its API answers here, and it gets an image", async (vm) => {
    await fakeNode(vm, "node:fake");
    const kind = (...words: readonly string[]) =>
      vm.succeed(["env", `HOME=${vm.inHome}`, join(folder, "kind"), ...words]);
    await kind("create", "cluster", "--image", "node:fake", "--quiet");
    expect(await kind("get", "nodes", "--quiet")).toBe("kind-control-plane");
    const port = (await vm.docker("port", "kind-control-plane", "6443")).replace("127.0.0.1:", "");
    expect(await Bun.file(join(vm.inHome, ".kube/config")).text()).toContain(`server: https://127.0.0.1:${port}\n`);
    expect(await (await fetch(`http://127.0.0.1:${port}/index.html`)).text()).toBe(page);
    await kind("load", "docker-image", "busybox");
    const archive = await vm.docker("exec", "kind-control-plane", "tar", "-t", "-f", "/imported");
    expect(archive).toContain("manifest.json");
    await kind("delete", "cluster", "--quiet");
    expect(await knock("127.0.0.1", Number(port))).toBe("ECONNREFUSED");
  });
}

// --- internal ---

/** An image in which everything that kind calls in a node is a script that says yes. */
async function fakeNode(vm: Vm, name: string): Promise<void> {
  const folder = join(vm.inHome, "node");
  const config = {
    clusters: [{ name: "kind", cluster: { server: "https://kind-control-plane:6443" } }],
    contexts: [{ name: "kind", context: { cluster: "kind", user: "kind" } }],
    users: [{ name: "kind", user: {} }],
  };
  await Bun.write(join(folder, "admin.conf"), JSON.stringify({ apiVersion: "v1", kind: "Config", ...config }));
  const start = "echo 'Reached target multi-user.target - Multi-User System.'; exec httpd -f -p 6443 -h /www";
  await Bun.write(join(folder, "start"), `#!/bin/sh\n${start}\n`);
  const tool = [
    "#!/bin/sh",
    'case "${0##*/} $*" in',
    `'containerd config dump') printf 'version = 3\\n[plugins."io.containerd.cri.v1.images"]\\nsnapshotter = "overlayfs"\\n' ;;`,
    // An image that is not there yet.
    "'crictl inspecti'*) exit 1 ;;",
    "ctr*import*) cat >/imported ;;",
    "*'-f -'*) cat >/dev/null ;;",
    "esac",
  ];
  await Bun.write(join(folder, "tool"), `${tool.join("\n")}\n`);
  const lines = [
    "FROM busybox",
    "COPY start tool /bin/",
    "COPY admin.conf /etc/kubernetes/",
    "RUN chmod +x /bin/start /bin/tool && for name in kubeadm kubectl ctr crictl containerd; do ln -s tool /bin/$name; done",
    "RUN mkdir -p /kind/manifests && echo v1.33.0 >/kind/version && touch /kind/manifests/default-cni.yaml /kind/manifests/default-storage.yaml",
    'CMD ["start"]',
  ];
  await Bun.write(join(folder, "Dockerfile"), `${lines.join("\n")}\n`);
  await vm.docker("build", "--quiet", "--tag", name, folder);
}
