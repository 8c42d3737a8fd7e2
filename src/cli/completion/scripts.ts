/** What makes each shell complete qn's command line: it asks qn itself, so that it is never older than the commands. */
import bash from "./qn.bash" with { type: "text" };
import fish from "./qn.fish" with { type: "text" };
import zsh from "./qn.zsh" with { type: "text" };

/** The scripts by shell. Each asks the qn that stands on the line, with the words up to the cursor. */
export const completionScripts: Readonly<Record<string, string>> = { bash, zsh, fish };
