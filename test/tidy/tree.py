# SPDX-License-Identifier: Apache-2.0
"""The files of the tree, their text, their code without comments and strings, and their functions."""
import functools
import os
import re
import subprocess

C_SUFFIXES = (".c", ".h", ".cc")
PRODUCT = ("runtime/", "operators/", "connectors/")

# Comments, strings and character constants, in one alternation so that neither hides in the other.
_NOT_CODE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)
_INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def _blank(match):
    """The same shape with nothing in it: line and column numbers stay true."""
    text = match.group(0)
    if text[0] in "\"'":
        return text[0] + " " * (len(text) - 2) + text[0]
    return re.sub(r"[^\n]", " ", text)


class Function:
    """A definition: its name, its first line (the return type) and its last."""

    def __init__(self, name, first, last):
        self.name, self.first, self.last = name, first, last
        self.length = last - first + 1


class Tree:
    def __init__(self, root, program=None):
        self.root, self.program = root, program
        self.files = self._list()

    def _list(self):
        # What git knows or would add; a folder that git cannot or will not read is walked.
        git = subprocess.run(["git", "-C", self.root, "ls-files", "-co", "--exclude-standard", "-z"],
                             capture_output=True, text=True, check=False) if (self.root / ".git").exists() else None
        if git and git.returncode == 0:
            return sorted(f for f in git.stdout.split("\0") if f and (self.root / f).is_file())
        found = []
        for folder, folders, names in os.walk(self.root):
            folders[:] = [d for d in folders if not d.startswith((".git", "build", "__pycache__"))]
            found += [os.path.relpath(os.path.join(folder, n), self.root) for n in names]
        return sorted(found)

    @functools.cached_property
    def c_files(self):
        return [f for f in self.files if f.endswith(C_SUFFIXES)]

    @functools.cached_property
    def product(self):
        return [f for f in self.c_files if f.startswith(PRODUCT)]

    @functools.lru_cache(maxsize=None)
    def text(self, path):
        """The file's text, or None of one that is not text."""
        data = (self.root / path).read_bytes()
        return None if b"\0" in data else data.decode("utf-8", "replace")

    @functools.lru_cache(maxsize=None)
    def code(self, path):
        return _NOT_CODE.sub(_blank, self.text(path))

    def matches(self, path, pattern, code=True):
        """(line number, match) of a compiled pattern, in the code or in the whole text."""
        text = self.code(path) if code else self.text(path)
        for number, line in enumerate((text or "").splitlines(), 1):
            for match in pattern.finditer(line):
                yield number, match

    def includes(self, path):
        """(line number, is quoted, what) of each include; the text is needed, as strings are blanked in code."""
        code = self.code(path).splitlines()
        for number, line in enumerate(self.text(path).splitlines(), 1):
            match = _INCLUDE.match(line)
            if match and code[number - 1].lstrip().startswith("#"):
                yield number, match[1] == '"', match[2]

    @functools.lru_cache(maxsize=None)
    def functions(self, path):
        """Definitions. The format puts return type, name and both braces of a body at the first column."""
        lines = self.code(path).splitlines()
        found, opened = [], None
        for number, line in enumerate(lines, 1):
            if line.rstrip() == "{":
                opened = number
            elif opened and line.startswith("}"):
                first, name = _signature(lines, opened)
                if name:
                    found.append(Function(name, first, number))
                opened = None
        return found


def _signature(lines, opened):
    """From the line of the opening brace up: (first line of the definition, its name)."""
    at = opened - 1
    while at > 0 and lines[at - 1].strip() and not lines[at - 1].startswith(("}", "#")):
        at -= 1
    for number in range(at, opened):
        match = re.match(r"(?:[\w:*<>,\s]*\s\**)?(~?\w+)\s*\(", lines[number])
        if match:
            return at + 1, match[1]
    return at + 1, None
