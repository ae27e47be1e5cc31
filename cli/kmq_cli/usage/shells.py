"""The completion scripts of the shells, and where they are installed.

A script runs `kmq` with the finished words of the line as arguments and `_KMQ_COMPLETE` set to "=" and the
unfinished one. It gets a line for each word that fits: the word, a tab, and what it means. If it gets none,
it completes names of files.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import MappingProxyType

import shellingham

from kmq_cli.terminal.failures import fail

VARIABLE = "_KMQ_COMPLETE"

BASH = r"""
_kmq_completion() {
    local IFS=$'\n' word="${COMP_WORDS[COMP_CWORD]}"
    COMPREPLY=($(_KMQ_COMPLETE="=$word" "$1" "${COMP_WORDS[@]:1:COMP_CWORD-1}" 2>/dev/null | cut -f 1))
}
complete -o default -F _kmq_completion kmq
"""

ZSH = r"""
#compdef kmq
_kmq_completion() {
    local line
    local -a told
    for line in "${(@f)$(_KMQ_COMPLETE="=${words[CURRENT]}" kmq "${(@)words[2,CURRENT-1]}" 2>/dev/null)}"; do
        [[ -n $line ]] && told+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    done
    if (( $#told )); then _describe kmq told; else _files; fi
}
compdef _kmq_completion kmq
"""

FISH = r"""
function _kmq_completion
    set -lx _KMQ_COMPLETE "="(commandline -ct)
    set -l told (kmq (commandline -opc)[2..] 2>/dev/null)
    if set -q told[1]
        printf '%s\n' $told
    else
        __fish_complete_path (commandline -ct)
    end
end
complete --command kmq --no-files --arguments '(_kmq_completion)'
"""

POWERSHELL = r"""
Register-ArgumentCompleter -Native -CommandName kmq -ScriptBlock {
    param($word, $line, $cursor)
    $before = @($line.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -lt $cursor } | ForEach-Object { $_.ToString() })
    $env:_KMQ_COMPLETE = "=$word"
    kmq @before 2>$null | ForEach-Object {
        $text, $meaning = $_ -split "`t", 2
        if (-not $meaning) { $meaning = $text }
        [System.Management.Automation.CompletionResult]::new($text, $text, 'ParameterValue', $meaning)
    }
    Remove-Item Env:_KMQ_COMPLETE
}
"""

SCRIPTS = MappingProxyType(
    {"bash": BASH, "zsh": ZSH, "fish": FISH, "powershell": POWERSHELL, "pwsh": POWERSHELL}
)


def script() -> tuple[str, str]:
    """Return the name of the shell that runs this, and its script. Another shell ends the command."""
    try:
        name, _ = shellingham.detect_shell()
    except shellingham.ShellDetectionFailure:
        name = os.path.basename(os.environ.get("SHELL", "")) or "this shell"  # noqa: PTH119
    if name not in SCRIPTS:
        fail("completion", f"{name} has none; {', '.join(SCRIPTS)} have")
    return name, SCRIPTS[name].lstrip()


def install() -> Path:
    """Put the script where the shell finds it; return where. Raises OSError."""
    name, text = script()
    home = Path.home()
    if name == "fish":
        place, start, line = home / ".config/fish/completions/kmq.fish", None, ""
    elif name == "zsh":
        place, start = home / ".zfunc/_kmq", home / ".zshrc"
        line = "fpath+=~/.zfunc; autoload -Uz compinit; compinit"
    elif name == "bash":
        place, start = home / ".bash_completions/kmq.sh", home / ".bashrc"
        line = f"source '{place}'"
    else:
        place, start = home / ".kmq_completion.ps1", _profile(name)
        line = f". '{place}'"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, "utf-8")
    if start is not None:
        _add(line, start)
    return place


def _add(line: str, start: Path) -> None:
    """Add a line to a shell's start-up file, once."""
    there = start.read_text("utf-8") if start.exists() else ""
    if line not in there.splitlines():
        start.parent.mkdir(parents=True, exist_ok=True)
        with start.open("a", encoding="utf-8") as file:
            file.write(f"{'' if not there or there.endswith(chr(10)) else chr(10)}{line}\n")


def _profile(shell: str) -> Path:
    """Return where a PowerShell keeps the start-up file of its user. Raises OSError."""
    import subprocess

    command = [shell, "-NoProfile", "-Command", "$PROFILE"]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603
    if not told:
        raise OSError(f"{shell} doesn't say where its profile is")
    return Path(told)
