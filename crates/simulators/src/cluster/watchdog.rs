//! Ends the servers when the process that started them is gone, however it went.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::Context as _;

/// A shell that reads process ids from a pipe until its end, which comes when the holder of the other end exits, even
/// by SIGKILL or with statics that are never dropped; one with a minus before it has ended and is forgotten. Then it kills these processes, deletes their folder, and kills its own
/// process group, to which a process belongs that was started but not told any more.
const SCRIPT: &str = r#"
pids=
while read -r pid; do
    case "$pid" in
        -*) left=; for other in $pids; do [ "-$other" = "$pid" ] || left="$left $other"; done; pids=$left ;;
        *) pids="$pids $pid" ;;
    esac
done
[ -z "$pids" ] || kill -KILL $pids 2>/dev/null
rm -rf "$1"
kill -KILL 0
"#;

/// The watchdog of one process group, and its leader.
#[derive(Debug)]
pub(super) struct Watchdog {
    shell: Child,
    pipe: Option<ChildStdin>,
}

impl Watchdog {
    /// Starts a watchdog that deletes `folder` at the end.
    pub(super) fn start(folder: &Path) -> anyhow::Result<Self> {
        let mut shell = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "watchdog"])
            .arg(folder)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot run /bin/sh")?;
        let pipe = shell.stdin.take();
        Ok(Self { shell, pipe })
    }

    /// Starts `command` in the watchdog's process group and tells the watchdog about it.
    pub(super) fn spawn(&mut self, command: &mut Command) -> anyhow::Result<Child> {
        let group = i32::try_from(self.shell.id()).context("process id out of range")?;
        let child = command.process_group(group).spawn()?;
        self.tell(&child.id().to_string())?;
        Ok(child)
    }

    /// Forgets a process that has ended: its id may soon be that of another.
    pub(super) fn forget(&mut self, ended: &Child) -> anyhow::Result<()> {
        self.tell(&format!("-{}", ended.id()))
    }

    fn tell(&mut self, line: &str) -> anyhow::Result<()> {
        match &mut self.pipe {
            Some(pipe) => writeln!(pipe, "{line}").context("the watchdog has ended"),
            None => Ok(()),
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        // The end of the pipe ends the shell, and with it whatever is left of the group.
        drop(self.pipe.take());
        let _ = self.shell.wait();
    }
}
