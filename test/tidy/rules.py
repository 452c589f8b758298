# SPDX-License-Identifier: Apache-2.0
"""The rules: each takes the tree and yields (file, line, message). The table RULES is at the end."""
import os
import re
import subprocess

# The rooms of runtime/, in order: a room includes itself and those before it (docs/architecture.md).
ROOMS = ("base", "data", "codec", "sql", "ring", "io", "wal", "state", "epoch", "plugin", "task",
         "pipeline", "status")

FILE_LINES_MAX = 800
FUNCTION_LINES_MAX = 70

_NOT_A_MEMBER = r"(?<![\w.>])"

# (pattern, why, folders or files where it is allowed). A single call that must be, such as giving back what
# the C library allocated, says so on its line: /* allow: reason */
BANNED = (
    (r"(strcpy|strcat|sprintf|vsprintf|gets|strtok)\s*\(", "writes without a bound or keeps state", ()),
    (r"(atoi|atol|atoll|atof)\s*\(", "cannot tell an error from 0", ()),
    (r"(rand|srand|random|srandom)\s*\(", "randomness comes from the seam", ()),
    (r"(time|gettimeofday|localtime|gmtime|ctime|clock_gettime)\s*\(", "clocks come from the seam",
     ("runtime/base/", "runtime/cli/")),
    (r"(system|popen)\s*\(", "starts a shell", ()),
    (r"(exit|_exit|quick_exit)\s*\(", "a library never ends the process", ("runtime/cli/",)),
    (r"(printf|vprintf|puts|putchar)\s*\(|\bstdout\b", "data on stdout belongs to the program and the console sink",
     ("runtime/cli/", "connectors/console/")),
    (r"(malloc|calloc|realloc|reallocarray|aligned_alloc|posix_memalign|strdup|strndup|asprintf|vasprintf|free)\s*\(",
     "memory comes from the seam", ("runtime/base/seam.c", "runtime/cli/")),
)

# A checked-in reference, and the command of the program that prints it.
REFERENCES = {
    "docs/reference/connectors.txt": ("list", "connectors"),
    "docs/reference/operators.txt": ("list", "operators"),
    "docs/reference/functions.txt": ("list", "functions"),
    "docs/reference/options.txt": ("list", "options"),
    "docs/reference/pipeline.schema.json": ("list", "schema", "--format", "jsonschema"),
}

# This folder spells out what it looks for.
_OWN = "test/tidy/"


def _room(path):
    parts = path.split("/")
    return parts[1] if parts[0] == "runtime" and len(parts) > 2 else None


def _resolve(tree, path, what):
    """The tree's path of a quoted include, as the compiler finds it; None if it is nowhere."""
    for base in (os.path.dirname(path), "runtime", "runtime/include", ""):
        candidate = os.path.normpath(os.path.join(base, what))
        if (tree.root / candidate).is_file():
            return candidate
    return None


def _layer_problem(path, target):
    """Why the file may not include the target, or None."""
    folder = os.path.dirname(path)
    if path.startswith(("operators/", "connectors/")):
        own = os.path.dirname(target) == folder
        return None if own else "includes more than <tidemark/...> and its own folder"
    room = _room(path)
    if room == "cli":
        return None if target.startswith("runtime/cli/") else "cli/ includes <tidemark/...> only, like any embedder"
    target_room = _room(target)
    if target_room == "include" or target_room == room:
        return None
    if room == "include":
        return "an installed header includes <tidemark/...> only"
    if target_room not in ROOMS:
        return f"includes {target}, which is no room of runtime/"
    if room in ROOMS and ROOMS.index(target_room) > ROOMS.index(room):
        return f"{room}/ is above {target_room}/ and may not include it"
    return None


def layers(tree):
    for path in tree.product:
        if _room(path) not in (None, "include", "cli") + ROOMS:
            yield path, 1, f"runtime/{_room(path)}/ is no room that the layers know"
            continue
        for line, quoted, what in tree.includes(path):
            target = _resolve(tree, path, what) if quoted else None
            if quoted and target is None:
                yield path, line, f'"{what}" is not in the tree'
            problem = target and _layer_problem(path, target)
            if problem:
                yield path, line, problem


def banned_calls(tree):
    allow = re.compile(r"/\* allow: \w")
    compiled = [(re.compile(_NOT_A_MEMBER + "(?:" + p + ")"), why, where) for p, why, where in BANNED]
    for path in tree.product:
        # A C++ shim wraps a library that allocates by itself, and says so in its name.
        rows = compiled if not path.endswith(".cc") else [r for r in compiled if "memory" not in r[1]]
        for pattern, why, allowed in rows:
            if path.startswith(allowed or ("//",)):
                continue
            for line, match in tree.matches(path, pattern):
                if not allow.search(tree.text(path).splitlines()[line - 1]):
                    yield path, line, f"{match[0].split('(')[0].strip()}: {why}"


def atomics(tree):
    allowed = ("runtime/base/", "runtime/ring/", "runtime/task/")
    builtin = re.compile(r"\b__(?:atomic|sync)_\w+")
    for path in tree.product:
        if path.startswith(allowed):
            continue
        for line, _quoted, what in tree.includes(path):
            if what in ("stdatomic.h", "atomic"):
                yield path, line, "atomics live in base/, ring/ and task/ only"
        for line, match in tree.matches(path, builtin):
            yield path, line, f"{match[0]}: atomics live in base/, ring/ and task/ only"


def formatting(tree):
    files = tree.c_files
    try:
        run = subprocess.run(["clang-format-14", "--dry-run", "-Werror", *files], cwd=tree.root,
                             capture_output=True, text=True, check=False) if files else None
    except FileNotFoundError:
        yield ".clang-format", 1, "clang-format-14 is not installed: ./dev tidy installs it"
        return
    places = {}
    for match in re.finditer(r"^(.+?):(\d+):\d+: error: ", run.stderr if run else "", re.MULTILINE):
        places.setdefault(match[1], []).append(int(match[2]))
    for path, lines in places.items():
        yield path, lines[0], f"not formatted, {len(lines)} places: ./dev fmt"


def sizes(tree):
    for path in tree.files:
        if path.endswith((".c", ".h", ".cc", ".py", ".sh", "dev", "meson.build")):
            count = len((tree.text(path) or "").splitlines())
            if count > FILE_LINES_MAX:
                yield path, count, f"{count} lines, over {FILE_LINES_MAX}"
    for path in tree.c_files:
        lines = tree.text(path).splitlines()
        for function in tree.functions(path):
            excused = function.first > 1 and _excused(lines, function.first - 2)
            if function.length > FUNCTION_LINES_MAX and not excused:
                yield path, function.first, f"{function.name} has {function.length} lines, over {FUNCTION_LINES_MAX}"


def _excused(lines, at):
    """Whether the comment that ends on line index `at` begins with "long:" and gives a reason."""
    if not lines[at].rstrip().endswith("*/"):
        return False
    while at > 0 and "/*" not in lines[at]:
        at -= 1
    return re.search(r"/\* long: \w", lines[at]) is not None


def licences(tree):
    wanted = "SPDX-License-Identifier: Apache-2.0"
    for path in tree.files:
        if path.endswith((".c", ".h", ".cc", ".py", ".sh")) or os.path.basename(path) in ("meson.build", "dev"):
            head = (tree.text(path) or "").splitlines()[:2]
            first = head[1:] if head and head[0].startswith("#!") else head[:1]
            if not first or wanted not in first[0]:
                yield path, 1, f"the first line is not {wanted}"


def unfinished(tree):
    words = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b|not (?:yet )?implemented|\bfor now\b|placeholder", re.IGNORECASE)
    skips = re.compile(r"\.disabled\s*=\s*true|\bcr_skip\w*\s*\(|\bunittest\.skip")
    for path in tree.files:
        if path.startswith(_OWN) or path == "LICENSE":
            continue
        for line, match in tree.matches(path, words, code=False):
            yield path, line, f"unfinished: {match[0]}"
        for line, _match in tree.matches(path, skips, code=False) if path.startswith("test/") else ():
            yield path, line, "a skipped test"


def strangers(tree):
    paths = re.compile(r"(?<![\w.$}/])/(?:work|root|home/\w+|tmp/\w)/")
    hosts = re.compile(r"https?://[a-z0-9.-]*(?:maven|pypi|npmjs|crates|golang|deb\.)[a-z0-9.-]*")
    for path in tree.files:
        if path.startswith(_OWN):
            continue
        for line, match in tree.matches(path, paths, code=False):
            yield path, line, f"a path of one machine: {match[0]}"
        for line, match in tree.matches(path, hosts, code=False):
            yield path, line, f"a registry's host: {match[0]}"


def references(tree):
    for path, command in REFERENCES.items():
        if path not in tree.files:
            continue
        if tree.program is None or not tree.program.is_file():
            yield path, 1, "cannot be compared: there is no built program (./dev build)"
            continue
        run = subprocess.run([tree.program, *command], capture_output=True, text=True, check=False)
        if run.returncode != 0:
            yield path, 1, f"tidemark {' '.join(command)} ended with {run.returncode}"
        elif run.stdout != tree.text(path):
            yield path, _first_difference(run.stdout, tree.text(path)), f"stale: tidemark {' '.join(command)} > {path}"


def _first_difference(one, other):
    pairs = zip(one.splitlines(), other.splitlines())
    return next((n for n, (a, b) in enumerate(pairs, 1) if a != b), 1)


RULES = (
    ("layers", layers),
    ("banned calls", banned_calls),
    ("atomics", atomics),
    ("formatting", formatting),
    ("sizes", sizes),
    ("licences", licences),
    ("unfinished", unfinished),
    ("strangers", strangers),
    ("references", references),
)
