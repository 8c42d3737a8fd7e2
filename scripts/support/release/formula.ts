/** The formula of a Homebrew tap: fetches the archive of the machine's system and architecture. */
import manifest from "../../../package.json";
import { repositoryUrl } from "../../../src/host/image/pull/addresses.ts";
import { archiveName } from "../../../src/host/upgrade/files.ts";
import type { Sums } from "./sums.ts";

/** The file's name, in a release and in a tap's folder `Formula`. */
export const formulaFile = "qn.rb";

/** What Homebrew calls the systems and architectures of the archives. */
const words = { darwin: "on_macos", linux: "on_linux", arm64: "on_arm", x64: "on_intel" } as const;

/**
 * The formula's text. `base` is the address below which releases are, each in a folder `v<version>`. Its service is for
 * the VM `default`: Homebrew has one for a formula. It restarts what has failed, by launchd's word on a Mac and
 * systemd's on Linux, which Homebrew spells differently (Homebrew/brew, service.rb). Throws when a sum is missing.
 */
export function formulaText(version: string, base: string, sums: Sums): string {
  const archives = (os: "darwin" | "linux") =>
    (["arm64", "x64"] as const).map((arch) => {
      const file = `${archiveName(version, `${os}-${arch}`)}.tar.gz`;
      const sum = sums.get(file);
      if (sum === undefined) throw new Error(`The formula needs ${file}, which the release has not.`);
      return `    ${words[arch]} do\n      url "${base}/v${version}/${file}"\n      sha256 "${sum}"\n    end\n`;
    });
  return `# Made by scripts/release, with the archives that it names.
class Qn < Formula
  desc "${description}"
  homepage "${repositoryUrl}"
  version "${version}"
  license "${manifest.license}"

  depends_on "qemu"

  on_macos do
    depends_on macos: :ventura

${archives("darwin").join("\n")}  end

  on_linux do
${archives("linux").join("\n")}  end

  def install
    bin.install "bin/qn"
    man1.install Dir["share/man/man1/*.1"]
    bash_completion.install "share/completions/qn.bash" => "qn"
    zsh_completion.install "share/completions/_qn"
    fish_completion.install "share/completions/qn.fish"
    doc.install "README.md", "THIRD-PARTY-NOTICES.txt"
  end

  service do
    run [opt_bin/"qn", "supervise", "default", "--service"]
    environment_variables PATH: std_service_path_env
    process_type :interactive
    on_macos do
      keep_alive successful_exit: false
    end
    on_linux do
      keep_alive crashed: true
    end
  end

  def caveats
    <<~EOS
      qn up makes the VM "default" and starts it. Once it is there,
        brew services start qn
      starts it at each login. For another VM, and on Linux to let containers run on when qn crashes:
        qn service install VM
      Use one of the two for a VM, not both.
    EOS
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/qn --version")
    assert_match "release", shell_output("#{bin}/qn version --json")
  end
end
`;
}

// --- internal ---

/** Homebrew wants less than 80 letters, neither an article in front nor a full stop. */
const description = "Docker for Mac and Linux that behaves as if it ran natively";
