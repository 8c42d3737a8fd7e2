/** Loaded before every test file (bunfig.toml), which has no setting for this: how long a test may take by default. */
import { setDefaultTimeout } from "bun:test";

/** Unit tests never come near it; a test with a VM under software emulation names its own. */
setDefaultTimeout(20_000);
